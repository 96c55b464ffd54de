/** The readers of what an application knows of its users: their handles, and their accounts. They are total. */

import { type Account, type AccountError, type Credentials, type FormerAccount, STORED_STATES } from './account.ts'
import { COUNT_MOST, Fields, isUserName, type Odd, readWith, type StoredDocument } from './odd.ts'

/** A handle of a user, as the application has it. */
export interface UserHandle {
  readonly user: string
  readonly handle: string
}

/** Handles of an existing database may be illegal on a PDS, and are still handles; what is longer than this is none. */
const HANDLE_CHARACTERS = 100

const CONTROL = /\p{Cc}/u

/** Reads a user's handle of `handle`. Never throws. */
export function readHandle(stored: StoredDocument): UserHandle | Odd {
  const user = stored.id.text
  return readWith(stored, stored.id.isOdd ? null : user, (fields) => {
    const handle = fields.name('handle')
    const isFit = handle.length <= HANDLE_CHARACTERS && !CONTROL.test(handle)
    return isFit ? { user, handle } : fields.fail('handle', 'range')
  })
}

/** An account, except for the user's handle in the application, which stands elsewhere. */
export type ReadAccount = Omit<Account, 'handle'>

/** A user without an account. */
export const NO_ACCOUNT = { user: null } as const

const DID = /^did:[a-z]+:[\w.:%-]+$/
const NO_VERSION = 0

/**
 * Reads a user's account of `atproto`. Never throws.
 *
 * @param defaultPds PDS of accounts that name none
 */
export function readAccount(stored: StoredDocument, defaultPds: string): ReadAccount | typeof NO_ACCOUNT | Odd {
  const user = stored.id.text
  return readWith(stored, stored.id.isOdd ? null : user, (fields) => {
    const value = fields.raw('atproto')
    if (value === false || value === 0 || value === '') return fields.fail('atproto', 'type', { value: null })
    const atproto = fields.fieldsOrNull('atproto') ?? new Fields({})
    return accountIn(user, atproto, defaultPds)
  })
}

function accountIn(user: string, atproto: Fields, defaultPds: string): ReadAccount | typeof NO_ACCOUNT {
  const did = atproto.nameOrNull('did')
  if (did !== null && !DID.test(did)) return atproto.fail('did', 'range')
  const state = atproto.wordOrNull('state', STORED_STATES)
  if (did === null && state === null) return NO_ACCOUNT
  if (did === null && state === 'ready') return atproto.fail('state', 'contradiction')
  const pds = atproto.nameOrNull('pds')
  if (pds !== null && !isHttp(pds)) return atproto.fail('pds', 'range')
  return {
    user,
    version: atproto.wholeOrNull('version', 1, COUNT_MOST) ?? NO_VERSION,
    // Accounts of an existing database have a DID and no state.
    state: state ?? 'ready',
    pdsHandle: atproto.nameOrNull('handle'),
    candidate: atproto.wholeOrNull('candidate', 0, COUNT_MOST) ?? 0,
    did,
    pds: pds ?? (did === null ? null : defaultPds),
    credentials: credentialsIn(atproto),
    sealedSession: sessionIn(atproto),
    requeue: atproto.flag('requeue'),
    error: errorIn(atproto),
    former: atproto.raw('former') === null ? [] : atproto.items('former').map(formerIn),
  }
}

function isHttp(url: string): boolean {
  return /^https?:\/\//.test(url) && URL.canParse(url)
}

function credentialsIn(atproto: Fields): Credentials | null {
  const sealed = atproto.nameOrNull('sealed')
  // An empty one is one; bytes that are no UTF-8 would be lost when it is sealed.
  const password = atproto.raw('password') === '' ? '' : atproto.nameOrNull('password')
  if (sealed !== null) return { kind: 'sealed', sealed }
  return password === null ? null : { kind: 'plain', password }
}

function formerIn(former: Fields): FormerAccount {
  const did = former.name('did')
  const pds = former.name('pds')
  if (!DID.test(did)) return former.fail('did', 'range')
  return isHttp(pds)
    ? { did, pds, until: former.whole('until', 0), why: former.name('why') }
    : former.fail('pds', 'range')
}

/** A session only saves a login: one that cannot be read is as good as none. */
function sessionIn(atproto: Fields): string | null {
  const session = atproto.raw('session')
  return isUserName(session) ? session : null
}

function errorIn(atproto: Fields): AccountError | null {
  const error = atproto.fieldsOrNull('error')
  return error && { code: error.name('code'), message: error.text('message'), at: error.whole('at', 0) }
}
