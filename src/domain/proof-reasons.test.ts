import { describe, expect, it } from 'vitest'
import { aProof } from '../../test/support/audits.ts'
import { newAccount, opened } from './account.ts'
import { NO_COUNTS } from './audit-counts.ts'
import type { GoodLook, RepoLooks } from './looks.ts'
import { proofOf, whyUnproven } from './proof-reasons.ts'

const proof = aProof(10)
const account = opened(newAccount('u1', 'anna'), proof.did, 'https://pds.test', 'sealed')
const good: GoodLook = { at: 10, rev: proof.rev, counts: NO_COUNTS, findings: {}, proof: null }
const codeOf = (looks: RepoLooks | null, of: typeof account | null = account) => whyUnproven(of, looks, '@anna').code

describe('the proof of an account', () => {
  it('is that of its own repo', () => {
    const looks = { good: { ...good, proof }, failed: null }
    expect(proofOf(account, looks)).toBe(proof)
    expect(proofOf({ did: 'did:plc:another' }, looks)).toBeNull()
    expect(proofOf(null, looks)).toBeNull()
    expect(proofOf(account, null)).toBeNull()
  })
})

describe('why there is no proof', () => {
  it('is named, with what an operator can do', () => {
    const failed = { since: 5, at: 5, code: 'RepoNotFound' }
    expect(codeOf(null, null)).toBe('no_account')
    expect(codeOf(null, newAccount('u1', 'anna'))).toBe('no_account')
    expect(codeOf(null)).toBe('never_audited')
    expect(codeOf({ good: null, failed: null })).toBe('never_audited')
    expect(whyUnproven(account, { good: null, failed }, '@anna').text).toContain('(RepoNotFound)')
    expect(codeOf({ good: { ...good, findings: { drift: 1 } }, failed })).toBe('findings')
    expect(codeOf({ good: { ...good, rev: null, counts: { ...NO_COUNTS, inFlight: 1 } }, failed: null })).toBe(
      'in_flight',
    )
    expect(codeOf({ good, failed: null })).toBe('not_signed')
  })
})
