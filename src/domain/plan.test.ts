import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aMood, aReadyAccount, NOW } from '../../test/support/moods.ts'
import { batches, MAX_BYTES, MAX_WRITES, planMood, type RepoWrite } from './plan.ts'
import { FEDERATE_ALL } from './policy.ts'
import { desiredRecord } from './record.ts'

const account = aReadyAccount()
const did = account.did
const view = { did, quarantine: { until: 0, destructive: false }, now: NOW }

describe('planMood', () => {
  const mood = aMood()
  const desired = desiredRecord(mood, account, FEDERATE_ALL)
  const cid = desired.kind === 'record' ? desired.cid : ''

  it('a missing record is created', () => {
    const step = planMood(mood, desired, { cid: null, verified: false }, view)
    expect(step).toMatchObject({ kind: 'write', write: { action: 'create', rkey: mood.sync.rkey, cid } })
  })

  it('a record that is already right is adopted without a write', () => {
    const step = planMood(mood, desired, { cid, verified: true }, view)
    expect(step).toMatchObject({
      kind: 'settle',
      next: { state: 'published', cid, uri: `at://${did}/computer.aesthetic.mood/${mood.sync.rkey}` },
    })
  })

  it('a record that differs is replaced by its CID', () => {
    const step = planMood(mood, desired, { cid: 'other', verified: true }, view)
    expect(step).toMatchObject({ kind: 'write', write: { action: 'update', was: 'other', cid } })
  })

  it('a deletion is sent on memory alone, and settled only on a reading', () => {
    const absent = { kind: 'absent' } as const
    for (const known of [
      { cid: null, verified: false },
      { cid: 'x', verified: false },
      { cid: 'x', verified: true },
    ]) {
      expect(planMood(mood, absent, known, view)).toMatchObject({ kind: 'write', write: { action: 'delete' } })
    }
    const gone = planMood(mood, absent, { cid: null, verified: true }, view)
    expect(gone).toMatchObject({ kind: 'settle', next: { state: 'withdrawn', uri: null, cid: null } })
  })

  it('a deletion is settled only once no late write can bring the record back', () => {
    const quarantine = { until: NOW + 5, destructive: false }
    const absent = { kind: 'absent' } as const
    const known = { cid: null, verified: true }
    expect(planMood(mood, absent, known, { ...view, quarantine })).toMatchObject({
      next: { state: 'pending', dueAt: NOW + 5 },
    })
    const over = { ...view, quarantine, now: NOW + 5 }
    expect(planMood(mood, absent, known, over)).toMatchObject({ next: { state: 'withdrawn' } })
  })

  it('a right record is settled only once no late deletion or replacement can come', () => {
    const until = NOW + 5
    const known = { cid, verified: true }
    const after = (destructive: boolean) =>
      planMood(mood, desired, known, { ...view, quarantine: { until, destructive } })
    expect(after(true)).toMatchObject({ next: { state: 'pending', dueAt: until } })
    expect(after(false)).toMatchObject({ next: { state: 'published' } })
  })

  it('a soft delete that keeps the record leaves it, and creates none', () => {
    const kept = { kind: 'hold', reason: 'kept' } as const
    expect(planMood(mood, kept, { cid: 'x', verified: true }, view)).toMatchObject({
      next: { state: 'published', cid: 'x' },
    })
    expect(planMood(mood, kept, { cid: null, verified: true }, view)).toMatchObject({
      next: { state: 'local', hold: 'kept' },
    })
  })

  it('a mood on hold becomes local, and an invalid one rejected', () => {
    const known = { cid: null, verified: false }
    expect(planMood(mood, { kind: 'hold', reason: 'no_account' }, known, { ...view, did: null })).toMatchObject({
      next: { state: 'local', hold: 'no_account' },
    })
    expect(planMood(mood, { kind: 'invalid', code: 'C', message: 'm' }, known, view)).toMatchObject({
      next: { state: 'rejected', error: { code: 'C', message: 'm', at: NOW } },
    })
  })
})

describe('batches', () => {
  const writes = fc.array(
    fc.integer({ min: 1, max: 12_000 }).map((length): { write: RepoWrite } => ({
      write: { action: 'create', rkey: 'k', cid: 'c', value: { $type: 't', text: 'x'.repeat(length) } },
    })),
    { maxLength: 500 },
  )

  it('batches keep the order of creations, lose nothing, and fit one commit each', () => {
    fc.assert(
      fc.property(writes, (steps) => {
        const groups = batches(steps)
        expect(groups.flat()).toEqual(steps)
        for (const group of groups) {
          expect(group.length).toBeGreaterThan(0)
          expect(group.length).toBeLessThanOrEqual(MAX_WRITES)
          expect(JSON.stringify(group).length).toBeLessThanOrEqual(MAX_BYTES + 1000)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('batches put deletions first, and each replacement alone', () => {
    const of = (action: 'create' | 'update' | 'delete', rkey: string): { write: RepoWrite } => ({
      write: action === 'delete' ? { action, rkey } : { action, rkey, cid: 'c', was: 'w', value: { $type: 't' } },
    })
    const steps = [of('create', 'a'), of('update', 'b'), of('delete', 'c'), of('update', 'd'), of('create', 'e')]
    expect(batches(steps).map((group) => group.map(({ write }) => write.rkey).join(''))).toEqual(['c', 'b', 'd', 'ae'])
  })

  it('batches do not split what fits one commit', () => {
    const step = { write: { action: 'delete', rkey: 'k' } } as const
    expect(batches(Array.from({ length: 200 }, () => step))).toHaveLength(1)
    expect(batches(Array.from({ length: 201 }, () => step)).map((group) => group.length)).toEqual([200, 1])
  })
})
