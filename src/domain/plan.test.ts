import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aMood, aReadyAccount, NOW } from '../../test/support/moods.ts'
import { batches, MAX_BYTES, MAX_WRITES, planMood, type RepoWrite } from './plan.ts'
import { desiredRecord } from './record.ts'

const account = aReadyAccount()
const did = account.did

describe('planMood', () => {
  const mood = aMood()
  const desired = desiredRecord(mood, account)
  const cid = desired.kind === 'record' ? desired.cid : ''

  it('creates what is not there', () => {
    const step = planMood(mood, desired, { cid: null, verified: false }, did, NOW)
    expect(step).toMatchObject({ kind: 'write', write: { action: 'create', rkey: mood.sync.rkey, cid } })
  })

  it('adopts what is already right, without a write', () => {
    const step = planMood(mood, desired, { cid, verified: true }, did, NOW)
    expect(step).toMatchObject({
      kind: 'settle',
      next: { state: 'published', cid, uri: `at://${did}/computer.aesthetic.mood/${mood.sync.rkey}` },
    })
  })

  it('replaces what is different, and says what it replaces', () => {
    const step = planMood(mood, desired, { cid: 'other', verified: true }, did, NOW)
    expect(step).toMatchObject({ kind: 'write', write: { action: 'update', was: 'other', cid } })
  })

  it('deletes on memory alone, and settles a deletion only on what was read', () => {
    const absent = { kind: 'absent' } as const
    for (const known of [
      { cid: null, verified: false },
      { cid: 'x', verified: false },
      { cid: 'x', verified: true },
    ]) {
      expect(planMood(mood, absent, known, did, NOW)).toMatchObject({ kind: 'write', write: { action: 'delete' } })
    }
    const gone = planMood(mood, absent, { cid: null, verified: true }, did, NOW)
    expect(gone).toMatchObject({ kind: 'settle', next: { state: 'withdrawn', uri: null, cid: null } })
  })

  it('parks what is held back and rejects what is invalid', () => {
    const known = { cid: null, verified: false }
    expect(planMood(mood, { kind: 'hold', reason: 'no_account' }, known, null, NOW)).toMatchObject({
      next: { state: 'local', hold: 'no_account' },
    })
    expect(planMood(mood, { kind: 'invalid', code: 'C', message: 'm' }, known, did, NOW)).toMatchObject({
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

  it('keep the order, lose nothing, and fit one commit each', () => {
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

  it('do not split what fits', () => {
    const step = { write: { action: 'delete', rkey: 'k' } } as const
    expect(batches(Array.from({ length: 200 }, () => step))).toHaveLength(1)
    expect(batches(Array.from({ length: 201 }, () => step)).map((group) => group.length)).toEqual([200, 1])
  })
})
