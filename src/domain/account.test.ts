import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NOW } from '../../test/support/moods.ts'
import { type Account, type Credentials, isReady, newAccount, opened, prepared, refused, retried } from './account.ts'

const error = { code: 'HandleNotAvailable', message: 'no', at: NOW }
const fresh = newAccount('u1', 'alice')
const sealed: Credentials = { kind: 'sealed', sealed: 'text' }

type Step = (account: Account) => Account

const steps: readonly Step[] = [
  (account) => prepared(account, 'alice.test', account.candidate + 1, sealed),
  (account) => opened(account, 'did:plc:a', 'http://pds', 'session'),
  (account) => refused(account, error),
  retried,
]
const someSteps = fc.array(fc.constantFrom(...steps), { maxLength: 8 })

describe('an account', () => {
  it('is ready only with a DID and a PDS, and has an error only when it needs attention, whatever happens to it', () => {
    fc.assert(
      fc.property(someSteps, (taken) => {
        const account = taken.reduce((current, step) => step(current), fresh)
        expect(account.state === 'ready').toBe(isReady(account))
        expect(account.error !== null).toBe(account.state === 'needs_attention')
        if (account.did === null) expect(account.state).not.toBe('ready')
        expect((account.did === null) === (account.pds === null)).toBe(true)
        const { user, handle, version } = account
        expect({ user, handle, version }).toEqual({ user: 'u1', handle: 'alice', version: 1 })
      }),
      { numRuns: 300 },
    )
  })

  it('begins pending, with nothing known of it', () => {
    expect(fresh).toMatchObject({ state: 'pending', did: null, credentials: null, requeue: false, version: 1 })
    expect(isReady(fresh)).toBe(false)
    expect(isReady(null)).toBe(false)
  })

  it('keeps name and password from before it is made, so that a crash recovers by logging in', () => {
    const account = prepared(fresh, 'alice.test', 2, sealed)
    expect(account).toEqual({ ...fresh, pdsHandle: 'alice.test', candidate: 2, credentials: sealed })
    expect(opened(account, 'did:plc:a', 'http://pds', 'session')).toMatchObject({
      pdsHandle: 'alice.test',
      candidate: 2,
      credentials: sealed,
    })
  })

  it('has the held moods put back to work when it opens', () => {
    expect(opened(fresh, 'did:plc:a', 'http://pds', 'session')).toMatchObject({ state: 'ready', requeue: true })
  })

  it('is made once more after a retry if it has no DID', () => {
    expect(retried(refused(fresh, error))).toEqual(fresh)
  })

  it('is used once more after a retry if it has a DID, and its held moods are put back to work', () => {
    const ready = { ...opened(fresh, 'did:plc:a', 'http://pds', 'session'), requeue: false }
    const stuck = refused(ready, error)
    expect(isReady(stuck)).toBe(false)
    expect(retried(stuck)).toEqual({ ...ready, requeue: true })
  })
})
