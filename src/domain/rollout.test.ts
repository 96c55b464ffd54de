import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aMood, NOW } from '../../test/support/moods.ts'
import { type Account, newAccount, opened, refused } from './account.ts'
import { FEDERATE_ALL, FEDERATE_NONE, type FederationPolicy, federates, POLICY_MODES } from './policy.ts'
import { desiredRecord } from './record.ts'
import { effectOf } from './rollout.ts'
import { held, published, rejected, unseen } from './sync.ts'

const ready: Account = opened(newAccount('u1', 'alice'), 'did:plc:a', 'http://pds', 'session')
const pending = newAccount('u1', 'alice')
const mood = aMood({ user: 'u1' })
const waiting = { ...mood, sync: held(mood.sync, 'federation_off') }

const policies: fc.Arbitrary<FederationPolicy> = fc.record({
  mode: fc.constantFrom(...POLICY_MODES),
  percent: fc.integer({ min: 0, max: 100 }),
  allow: fc.constantFrom([], ['alice'], ['bob']),
})

describe('the effect of another policy', () => {
  it.each([
    ['released', FEDERATE_NONE, FEDERATE_ALL],
    ['held', FEDERATE_ALL, FEDERATE_NONE],
    ['underWay', FEDERATE_ALL, FEDERATE_ALL],
    ['stillHeld', FEDERATE_NONE, FEDERATE_NONE],
  ] as const)('on a mood that is not published is: %s', (effect, before, after) => {
    for (const each of [mood, waiting])
      for (const account of [ready, pending]) {
        expect(effectOf(each, account, before, after)).toBe(effect)
      }
  })

  it('is none on a mood that the policy has no say in', () => {
    const error = { code: 'X', message: 'why', at: NOW }
    const others = [
      { ...mood, isPrivate: true },
      { ...mood, deleted: { by: 'author', records: 'withdraw' } as const },
      { ...mood, text: 'x'.repeat(5000) },
      { ...mood, sync: published(mood.sync, 'at://x', 'cid', { at: NOW, direct: true }) },
      { ...mood, sync: rejected(mood.sync, error) },
      { ...mood, sync: held(mood.sync, 'private') },
    ]
    for (const account of [ready, null]) {
      for (const each of others.slice(account ? 0 : -3))
        expect(effectOf(each, account, FEDERATE_NONE, FEDERATE_ALL)).toBe('settled')
    }
    expect(effectOf({ ...mood, user: '' }, null, FEDERATE_NONE, FEDERATE_ALL)).toBe('settled')
  })

  it('on a mood whose author has no account that can be written to is that it waits for one', () => {
    const account = refused(ready, { code: 'X', message: 'why', at: NOW })
    for (const each of [null, account]) {
      expect(effectOf(mood, each, FEDERATE_NONE, FEDERATE_ALL)).toBe('noAccount')
      expect(effectOf(waiting, each, FEDERATE_ALL, FEDERATE_NONE)).toBe('noAccount')
    }
  })

  it('on history is that it waits for a backfill, whatever the policy', () => {
    const { rkey } = mood.sync
    const history = { ...mood, sync: unseen({ rkey, uri: null, cid: null, attempts: 0 }) }
    fc.assert(
      fc.property(policies, policies, (before, after) => {
        for (const account of [ready, pending, null]) expect(effectOf(history, account, before, after)).toBe('history')
      }),
    )
  })

  it('agrees with the reason that the engine notes in the row', () => {
    const accounts = [ready, pending, null, refused(pending, { code: 'X', message: 'why', at: NOW })]
    fc.assert(
      fc.property(policies, fc.constantFrom(...accounts), (policy, account) => {
        const desired = desiredRecord(mood, account, policy)
        const effect = effectOf(mood, account, policy, policy)
        expect(effect === 'stillHeld').toBe(desired.kind === 'hold' && desired.reason === 'federation_off')
        if (effect === 'noAccount') expect(desired).toEqual({ kind: 'hold', reason: 'no_account' })
      }),
    )
  })

  it('agrees with what the engine derives when it sends', () => {
    fc.assert(
      fc.property(policies, policies, fc.constantFrom(mood, waiting), (before, after, each) => {
        const isSent = desiredRecord(each, ready, after).kind === 'record'
        const effect = effectOf(each, ready, before, after)
        expect(effect === 'released' || effect === 'underWay').toBe(isSent)
        expect(effect === 'underWay' || effect === 'held').toBe(federates(before, 'u1', 'alice'))
      }),
    )
  })
})
