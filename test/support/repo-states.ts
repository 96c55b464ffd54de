/** Every kind of repo that the queue can hold, for property tests. Times are near `NOW`, so that they fall on both sides of it. */

import fc from 'fast-check'
import type { Release, RepoState } from '../../src/domain/queue.ts'
import { NOW } from './moods.ts'

export const aTime = fc.integer({ min: NOW - 5, max: NOW + 5 })
const failures = fc.nat({ max: 3 })

const quarantineUntil = (aDeadline: fc.Arbitrary<number>) =>
  fc.record({ until: fc.oneof(fc.constant(0), aDeadline), destructive: fc.boolean() })

const repoWith = (aDeadline: fc.Arbitrary<number>): fc.Arbitrary<RepoState> =>
  fc.record({
    user: fc.constant('u1'),
    dueAt: fc.option(aDeadline),
    dueSetAt: fc.oneof(fc.constant(0), aDeadline),
    marks: fc.nat({ max: 3 }),
    failures,
    uncertain: fc.boolean(),
    quarantine: quarantineUntil(aDeadline),
    lease: fc.option(fc.record({ token: fc.constantFrom('mine', 'other'), owner: fc.constant('w'), until: aDeadline })),
  })

export const aRepo = repoWith(aTime)

/** Also with deadlines that are further away than their kind allows. */
export const anyRepo = repoWith(
  fc.oneof(
    { arbitrary: aTime, weight: 5 },
    fc.constantFrom(NOW + 50 * 365 * 86_400_000, NOW + 90_000_000 + 9, NOW + 7_200_000),
  ),
)

const quarantine = quarantineUntil(aTime)

export const aRelease: fc.Arbitrary<Release> = fc.record({
  dueAt: fc.option(aTime),
  uncertain: fc.boolean(),
  quarantine,
  failures,
})
