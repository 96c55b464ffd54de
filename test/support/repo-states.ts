/** Every kind of repo that the queue can hold, for property tests. Times are near `NOW`, so that they fall on both sides of it. */

import fc from 'fast-check'
import type { Release, RepoState } from '../../src/domain/queue.ts'
import { NOW } from './moods.ts'

export const aTime = fc.integer({ min: NOW - 5, max: NOW + 5 })
const quarantine = fc.record({ until: fc.oneof(fc.constant(0), aTime), destructive: fc.boolean() })
const failures = fc.nat({ max: 3 })

export const aRepo: fc.Arbitrary<RepoState> = fc.record({
  user: fc.constant('u1'),
  dueAt: fc.option(aTime),
  marks: fc.nat({ max: 3 }),
  failures,
  uncertain: fc.boolean(),
  quarantine,
  lease: fc.option(fc.record({ token: fc.constantFrom('mine', 'other'), owner: fc.constant('w'), until: aTime })),
})

export const aRelease: fc.Arbitrary<Release> = fc.record({
  dueAt: fc.option(aTime),
  uncertain: fc.boolean(),
  quarantine,
  failures,
})
