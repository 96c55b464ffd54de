/** Audits as earlier versions stored them: the last look at a repo, good or failed. */

import { NO_COUNTS } from '../../src/domain/audit-counts.ts'
import type { Proof } from '../../src/domain/proof.ts'
import type { StoredAudit } from '../../src/ports/store.ts'
import { NOW } from './moods.ts'

/** A proof, made at a time and not seen since. */
export function aProof(at: number, rev = '3kmm22222222a'): Proof {
  const commit = `bafyrei${'a'.repeat(52)}`
  return { did: 'did:plc:abcdefghijklmnopqrstuvwx', rev, commit, records: 2, at, seenAt: at }
}

const counts = { ...NO_COUNTS, moods: 2, records: 2, synced: 2 }

export const OLD_AUDITS = [
  { user: 'u1', at: NOW, rev: 'rev', code: null, counts, findings: { stray: 1 } },
  { user: 'u2', at: NOW, rev: null, code: 'RepoNotFound', counts: NO_COUNTS, findings: { unreadable: 1 } },
]

/** What they say. */
export const OLD_AUDITS_READ: readonly StoredAudit[] = [
  { user: 'u1', good: { at: NOW, rev: 'rev', counts, findings: { stray: 1 }, proof: null }, failed: null },
  { user: 'u2', good: null, failed: { since: NOW, at: NOW, code: 'RepoNotFound' } },
]
