/** A user's ATProto account, and the states it passes through. */

import { MOVED } from './moved.ts'
import { type Odd, sharedOdd } from './odd.ts'

/**
 * - `pending`: to be made on the PDS, by the engine;
 * - `ready`: has a DID; moods can be published;
 * - `needs_attention`: refused for a reason that does not pass with time; waits for an operator, or for another sign-up.
 */
export const STORED_STATES = ['pending', 'ready', 'needs_attention'] as const
export type StoredAccountState = (typeof STORED_STATES)[number]

/** `odd`: what is stored cannot be read for certain, or two users have one DID. Nothing is done with it before that is mended. */
export const ACCOUNT_STATES = [...STORED_STATES, 'odd'] as const
export type AccountState = (typeof ACCOUNT_STATES)[number]

/** Why an account cannot be used, in the PDS's own code and words. */
export interface AccountError {
  readonly code: string
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * The password of an account on its PDS:
 * - `sealed`: encrypted with the key of the installation, as all that we store;
 * - `plain`: as an existing database keeps it, until an operator has it sealed.
 */
export type Credentials =
  | { readonly kind: 'sealed'; readonly sealed: string }
  | { readonly kind: 'plain'; readonly password: string }

/** An account that a user had before this one. Its repo is not ours to change any more. */
export interface FormerAccount {
  readonly did: string
  /** Base URL of the PDS that held it. */
  readonly pds: string
  /** When it was replaced, in ms since 1970. */
  readonly until: number
  /** What was found of it then: a condition of `domain/repo-condition.ts`, or `moved`. */
  readonly why: string
}

export interface Account {
  readonly user: string
  readonly state: AccountState
  /** The user's handle in the application. */
  readonly handle: string
  /** The full handle on the PDS (`name.test`), once one has been chosen. */
  readonly pdsHandle: string | null
  /** Which of the names in {@link accountHandle} was chosen. */
  readonly candidate: number
  readonly did: string | null
  /** Base URL of the PDS that holds the repo. */
  readonly pds: string | null
  /** Stored before the account is made, so that a crash in between recovers by logging in; null before that. */
  readonly credentials: Credentials | null
  /** Encrypted access and refresh tokens, shared by all processes. */
  readonly sealedSession: string | null
  /** The user's held moods have to be put to work again; cleared when that is done. */
  readonly requeue: boolean
  readonly error: AccountError | null
  /** Accounts that were replaced, the oldest first. */
  readonly former: readonly FormerAccount[]
  /** Grows with every change; every change names the version it was made from. */
  readonly version: number
  /** What is odd about it; in state `odd` alone. */
  readonly odd?: Odd
}

/** An account that can be written to. */
export interface ReadyAccount extends Account {
  readonly state: 'ready'
  readonly did: string
  readonly pds: string
}

/** A new account, still to be made. */
export function newAccount(user: string, handle: string): Account {
  return {
    user,
    handle,
    state: 'pending',
    pdsHandle: null,
    candidate: 0,
    did: null,
    pds: null,
    credentials: null,
    sealedSession: null,
    requeue: false,
    error: null,
    former: [],
    version: 1,
  }
}

/** Stands for an account that cannot be read. It cannot be saved. @param handle of the user in the application, or empty */
export function unreadableAccount(user: string, handle: string, odd: Odd): Account {
  return { ...newAccount(user, handle), state: 'odd', version: 0, odd }
}

/** The account of a user whose DID another user has as well: whose it is, only an operator can tell. It cannot be saved. */
export function sharingAccount(account: Account): Account {
  return { ...account, state: 'odd', requeue: false, odd: sharedOdd(account.user, 'atproto.did', 'shared') }
}

/** Whether the engine leaves it alone until an operator has looked at it. */
export function needsOperator(account: Pick<Account, 'state'> | null): boolean {
  return account?.state === 'needs_attention' || account?.state === 'odd'
}

/** Whether moods can be published for this account. */
export function isReady(account: Account | null): account is ReadyAccount {
  return account?.state === 'ready' && account.did !== null && account.pds !== null
}

/** The account before its creation is asked for: name and password are known and about to be stored. */
export function prepared(account: Account, pdsHandle: string, candidate: number, credentials: Credentials): Account {
  return { ...account, pdsHandle, candidate, credentials }
}

/** The account once it exists on the PDS. Marking its held moods is part of the same write. */
export function opened(account: Account, did: string, pds: string, sealedSession: string): Account {
  return { ...account, state: 'ready', did, pds, sealedSession, requeue: true, error: null }
}

/** More than a PDS says in a sentence or two. */
const MESSAGE_CHARACTERS = 500

/** The account after a refusal that waiting does not mend. */
export function refused(account: Account, error: AccountError): Account {
  const message = error.message.slice(0, MESSAGE_CHARACTERS)
  return { ...account, state: 'needs_attention', error: { ...error, message } }
}

/** A new account in place of one that is gone or shut, still to be made. The old DID is kept as history. @param why what was found of the old one */
export function replaced(account: Account & { did: string; pds: string }, why: string, now: number): Account {
  const { user, handle, version, did, pds } = account
  // An account that is only shut keeps its handle.
  const candidate = why === 'gone' ? 0 : account.candidate + 1
  return { ...newAccount(user, handle), version, candidate, former: [...account.former, { did, pds, until: now, why }] }
}

/** The account when its PDS has another address. What was refused because of that is tried again. */
export function rehosted(account: Account, pds: string): Account {
  const moved = { ...account, pds }
  return account.error?.code === MOVED ? retried(moved) : moved
}

/** The account when what was refused is tried again. */
export function retried(account: Account): Account {
  return { ...account, state: account.did === null ? 'pending' : 'ready', requeue: account.did !== null, error: null }
}
