/** Every kind of document that a store keeps, with the one function that reads it: whoever looks through all of them begins here. */

import type { Odd, StoredDocument } from './odd.ts'
import { readAccount, readHandle } from './read-account.ts'
import { readErasure, readIntent, readRemovals } from './read-jobs.ts'
import { readMood } from './read-mood.ts'
import { readLedgerEntry, readLooks, readPolicy, readRepo, readSighting, readSwitch, readWorker } from './read-notes.ts'

/** `theirs`: of the application, which brought it along or goes on writing it; `ours`: of the engine alone. */
type Owner = 'theirs' | 'ours'

export interface Kind {
  readonly owner: Owner
  /** What a document is, in words that complete “an odd …”. */
  readonly name: string
  /** Gives an oddity or anything else. Never throws. */
  readonly read: (stored: StoredDocument) => object | Odd
}

export const KINDS = {
  moods: { owner: 'theirs', name: 'mood', read: readMood },
  handles: { owner: 'theirs', name: 'handle', read: readHandle },
  // Which PDS an account has where its document names none makes it no odder.
  users: { owner: 'theirs', name: 'account', read: (stored) => readAccount(stored, '') },
  repos: { owner: 'ours', name: 'repo in the queue', read: readRepo },
  intents: { owner: 'ours', name: 'intent', read: readIntent },
  erasures: { owner: 'ours', name: 'erasure', read: readErasure },
  removals: { owner: 'ours', name: 'removal', read: readRemovals },
  audits: { owner: 'ours', name: 'audit', read: readLooks },
  sightings: { owner: 'ours', name: 'note of a relay', read: readSighting },
  policy: { owner: 'ours', name: 'policy', read: (stored) => (isSwitch(stored) ? readSwitch : readPolicy)(stored) },
  ledger: { owner: 'ours', name: 'budget', read: readLedgerEntry },
  workers: { owner: 'ours', name: 'worker', read: readWorker },
} as const satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof KINDS

function isSwitch({ id }: StoredDocument): boolean {
  return id.text === 'publishing'
}
