import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NOW } from '../../test/support/moods.ts'
import { aRelease, aRepo, aTime } from '../../test/support/repo-states.ts'
import {
  claimed,
  isClaimable,
  type Lease,
  leaseOf,
  marked,
  notedDestructive,
  released,
  reminded,
  renewed,
  type RepoState,
  unmarked,
} from './queue.ts'

const QUARANTINE = 100
const mine = { token: 'mine', owner: 'w', until: NOW + 50 }
const calm = { until: 0, destructive: false }
const idle = { dueAt: null, uncertain: false, quarantine: calm, failures: 0 }

function claim(repo: RepoState, now = NOW): RepoState {
  const after = claimed(repo, mine, now, QUARANTINE)
  if (!after) throw new Error('not claimable')
  return after
}

/** What a holder with the token `mine` was told, when it had seen this many marks. */
function leaseWith(marks: number): Lease {
  return { user: 'u1', token: 'mine', uncertain: false, quarantine: calm, failures: 0, marks }
}

describe('marked', () => {
  it('makes a repo due now that rests or is due later', () => {
    expect(marked(unmarked('u1'), NOW)).toEqual({ ...unmarked('u1'), dueAt: NOW, dueSetAt: NOW, marks: 1 })
    expect(marked({ ...unmarked('u1'), dueAt: NOW + 9 }, NOW)).toMatchObject({ dueAt: NOW, marks: 1 })
  })

  it('leaves a repo that backs off to its time', () => {
    expect(marked({ ...unmarked('u1'), failures: 2, dueAt: NOW + 9 }, NOW)).toMatchObject({ dueAt: NOW + 9, marks: 1 })
  })

  it('changes nothing where the work is due already and no worker holds the repo', () => {
    const due = { ...unmarked('u1'), dueAt: NOW - 1, marks: 4 }
    expect(marked(due, NOW)).toBe(due)
    expect(marked({ ...due, lease: mine }, NOW)).toMatchObject({ dueAt: NOW - 1, marks: 5 })
  })

  it('never makes work later, and a repo without back-off is due at once', () => {
    fc.assert(
      fc.property(aRepo, aTime, (repo, now) => {
        const { dueAt, failures } = marked(repo, now)
        expect(dueAt).not.toBeNull()
        if (repo.dueAt !== null) expect(dueAt!).toBeLessThanOrEqual(repo.dueAt)
        if (failures === 0) expect(dueAt!).toBeLessThanOrEqual(now)
      }),
    )
  })
})

describe('reminded', () => {
  it('marks a repo that has no mark, and no other', () => {
    fc.assert(
      fc.property(aRepo, aTime, (repo, now) => {
        const after = reminded(repo, now)
        if (repo.dueAt === null) expect(after).toEqual({ ...repo, dueAt: now, dueSetAt: now, marks: repo.marks + 1 })
        else expect(after).toBe(repo)
      }),
    )
  })
})

describe('claimed', () => {
  it('takes a repo that is due and free', () => {
    const due = marked(unmarked('u1'), NOW)
    expect(claim(due)).toEqual({ ...due, lease: mine })
    expect(leaseOf(claim(due))).toEqual(leaseWith(1))
  })

  it('takes no repo that rests, is due later, or is in other hands', () => {
    for (const repo of [
      unmarked('u1'),
      { ...unmarked('u1'), dueAt: NOW + 1 },
      { ...unmarked('u1'), dueAt: NOW, lease: { ...mine, token: 'other', until: NOW + 1 } },
    ]) {
      expect(claimed(repo, mine, NOW, QUARANTINE)).toBeNull()
    }
  })

  it('makes a repo uncertain and quarantined whose last lease was lost', () => {
    fc.assert(
      fc.property(aRepo, aTime, (repo, now) => {
        const after = claimed(repo, mine, now, QUARANTINE)
        expect(after !== null).toBe(isClaimable(repo, now))
        if (after === null) return
        expect(after).toMatchObject({ marks: repo.marks, failures: repo.failures, dueAt: repo.dueAt, lease: mine })
        expect(after.quarantine.destructive).toBe(repo.quarantine.destructive)
        const { lease } = repo
        if (lease === null) expect(after).toEqual({ ...repo, lease: mine })
        else {
          expect(after.uncertain).toBe(true)
          expect(after.quarantine.until).toBe(Math.max(repo.quarantine.until, lease.until + QUARANTINE))
        }
      }),
    )
  })
})

describe('a holder', () => {
  it('may note a destructive write and renew, as long as the lease is its own', () => {
    fc.assert(
      fc.property(aRepo, fc.nat({ max: 3 }), (repo, marks) => {
        const lease = leaseWith(marks)
        const noted = notedDestructive(repo, lease)
        const longer = renewed(repo, lease, NOW + 99)
        if (repo.lease?.token === 'mine') {
          expect(noted).toEqual({ ...repo, quarantine: { ...repo.quarantine, destructive: true } })
          expect(longer).toEqual({ ...repo, lease: { ...repo.lease, until: NOW + 99 } })
        } else {
          expect([noted, longer]).toEqual([null, null])
        }
      }),
    )
  })

  it('that lost its lease changes nothing by a release', () => {
    fc.assert(
      fc.property(aRepo, aRelease, fc.nat({ max: 3 }), (repo, release, marks) => {
        const after = released(repo, leaseWith(marks), release, NOW)
        expect(after === null).toBe(repo.lease?.token !== 'mine')
      }),
    )
  })
})

describe('released', () => {
  it('frees the repo and keeps what its holder reports', () => {
    fc.assert(
      fc.property(aRepo, aRelease, (repo, release) => {
        const held = { ...repo, lease: mine }
        expect(released(held, leaseWith(repo.marks), release, NOW)).toEqual({
          ...repo,
          ...release,
          dueSetAt: NOW,
          lease: null,
        })
      }),
    )
  })

  it('never loses a mark that was set during the pass', () => {
    fc.assert(
      fc.property(aRepo, aRelease, aTime, aTime, (repo, release, markedAt, now) => {
        const held = { ...repo, lease: mine }
        const after = released(marked(held, markedAt), leaseWith(repo.marks), release, now)!
        expect(after.dueAt).not.toBeNull()
        // Work is there at once, unless the pass failed: then it waits as long as the failure asks for.
        if (release.failures === 0) expect(after.dueAt!).toBeLessThanOrEqual(now)
        else expect(after.dueAt).toBe(release.dueAt ?? now)
      }),
    )
  })

  it('keeps a back-off whatever marks come in, during the pass and after it', () => {
    const held = claim(marked(unmarked('u1'), NOW))
    const failed = { ...idle, dueAt: NOW + 30, failures: 3 }
    const after = released(marked(held, NOW + 1), leaseOf(held), failed, NOW + 2)!
    expect(after).toMatchObject({ dueAt: NOW + 30, failures: 3, lease: null })
    expect(marked(after, NOW + 3)).toMatchObject({ dueAt: NOW + 30, failures: 3 })
  })

  it('leaves a repo without work at rest', () => {
    const held = claim(marked(unmarked('u1'), NOW))
    expect(released(held, leaseOf(held), idle, NOW + 1)).toEqual({ ...unmarked('u1'), dueSetAt: NOW + 1, marks: 1 })
  })
})

describe('any history of marks, claims and deaths', () => {
  it('ends with every mark seen by a holder that claimed after it, or still due', () => {
    const events = fc.array(fc.constantFrom('mark', 'claim', 'release', 'fail', 'die'), { maxLength: 40 })
    fc.assert(
      fc.property(events, (history) => {
        let now = NOW
        let repo = unmarked('u1')
        let lease: Lease | null = null
        /** Whether there was a mark that no holder has been claimed after. */
        let unseen = false
        for (const event of history) {
          now += 10
          if (event === 'mark') [repo, unseen] = [marked(repo, now), true]
          if (event === 'claim') {
            const after = claimed(repo, { token: `at ${now}`, owner: 'w', until: now + 25 }, now, QUARANTINE)
            if (after) [repo, lease, unseen] = [after, leaseOf(after), false]
          }
          if (lease !== null && (event === 'release' || event === 'fail')) {
            const release = event === 'fail' ? { ...idle, dueAt: now + 15, failures: lease.failures + 1 } : idle
            repo = released(repo, lease, release, now) ?? repo
            lease = null
          }
          // Its holder is gone; the lease runs out by itself.
          if (event === 'die') lease = null
          const isLost = (unseen || repo.lease !== null) && repo.dueAt === null
          expect(isLost, history.join(' ')).toBe(false)
        }
      }),
    )
  })
})

describe('a deadline that is too far away', () => {
  const far = NOW + 366 * 86_400_000
  const repo: RepoState = { ...unmarked('u1'), dueAt: far, failures: 3, quarantine: { until: far, destructive: true } }

  it('is void for a mark, the sweep and a claim', () => {
    for (const rule of [marked, reminded]) {
      const after = rule(repo, NOW)
      expect(after.dueAt).toBe(NOW)
      expect(after.quarantine.until).toBeLessThan(NOW + 120_000)
    }
    const leased = { ...repo, dueAt: NOW, lease: { token: 't', owner: 'w', until: far } }
    expect(reminded(leased, NOW).lease?.until).toBe(NOW)
    const lease = { token: 'mine', owner: 'w', until: NOW + 9 }
    expect(claimed(reminded(leased, NOW), lease, NOW, 3)).toMatchObject({ uncertain: true, lease })
    const free = { ...repo, dueAt: NOW }
    expect(claimed(free, lease, NOW, 3)!.quarantine.until).toBeLessThan(NOW + 120_000)
  })
  it('a wait that was decided in the future is void however short it is, and one of a day that was decided now is not', () => {
    const ahead = { ...repo, dueAt: NOW + 2 * 3_600_000, dueSetAt: NOW + 2 * 3_600_000 - 30_000 }
    for (const rule of [marked, reminded]) expect(rule(ahead, NOW)).toMatchObject({ dueAt: NOW, dueSetAt: NOW })
    const patient = { ...repo, dueAt: NOW + 86_400_000, dueSetAt: NOW - 1 }
    for (const rule of [marked, reminded]) expect(rule(patient, NOW).dueAt).toBe(patient.dueAt)
  })
})
