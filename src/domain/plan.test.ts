import { describe, expect, it } from 'vitest'
import { aMood, aReadyAccount, NOW } from '../../test/support/moods.ts'
import { COPIES_LAG_MS, planMood } from './plan.ts'
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

  it('a record that was published a moment ago is not believed to be gone: a copy may be behind the PDS', () => {
    const absent = { kind: 'absent' } as const
    const copied = {
      ...mood,
      sync: { ...mood.sync, cid: 'x', firstPublished: { at: view.now - 1, direct: true } },
    }
    const missing = planMood(copied, absent, { cid: null, verified: true }, view)
    expect(missing).toMatchObject({ next: { state: 'pending', dueAt: view.now - 1 + COPIES_LAG_MS } })
    for (const [known, now] of [
      [{ cid: null, verified: true, isDeleted: true }, view.now],
      [{ cid: null, verified: true }, view.now - 1 + COPIES_LAG_MS],
      [{ cid: null, verified: true }, view.now - 2],
    ] as const) {
      expect(planMood(copied, absent, known, { ...view, now })).toMatchObject({ next: { state: 'withdrawn' } })
    }
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
