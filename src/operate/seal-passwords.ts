/** Sealing passwords that an existing database stores in plain text. */

import type { Credentials } from '../domain/account.ts'
import type { AccountStore } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { archived } from './pages.ts'

/** Encrypts secrets for the store. */
interface Sealer {
  seal(secret: string): Promise<string>
  /** Rejects for a password that was sealed with another key. */
  passwordOf(credentials: Credentials): Promise<string>
}

export interface Sealed {
  readonly executed: boolean
  readonly accounts: number
  /** Passwords that were in plain text. */
  readonly plain: number
  /** Sealed now, read back and unsealed. */
  readonly sealed: number
  /** Could not be sealed, and are unchanged. */
  readonly failed: number
}

/**
 * Seals each plain password in one write that also removes the plain text. Repeating it resumes it.
 *
 * @param execute without it, the passwords are only counted
 * @param onFound told how many passwords are in plain text, before any is sealed
 * @param stop ends it between two accounts
 */
export async function sealPasswords(
  deps: Pick<OperatorDeps, 'store'> & { readonly sealer: Sealer },
  execute: boolean,
  onFound: (plain: number) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Sealed> {
  const { store, sealer } = deps
  const total = await store.archive.count('accounts')
  const round = async (seals: boolean): Promise<Sealed> => {
    const counts = { accounts: 0, plain: 0, sealed: 0, failed: 0 }
    for await (const page of archived(store, 'accounts', stop)) {
      for (const { user, credentials } of page) {
        if (stop.aborted) break
        counts.accounts++
        if (credentials?.kind === 'plain') {
          counts.plain++
          if (seals) counts[(await sealOne(store.accounts, sealer, user)) ? 'sealed' : 'failed']++
        }
        onProgress(seals ? 'sealing passwords' : 'reading passwords', counts.accounts, total)
      }
    }
    return { executed: seals, ...counts }
  }
  const found = await round(false)
  onFound(found.plain)
  return execute ? round(true) : found
}

/** Another process may change the account at the same time, such as its session. */
const TRIES = 10

/** @returns whether the stored password is sealed now, and unseals to the same text */
async function sealOne(accounts: AccountStore, sealer: Sealer, user: string): Promise<boolean> {
  for (let i = 0; i < TRIES; i++) {
    const account = await accounts.byUser(user)
    if (account?.credentials?.kind !== 'plain') return true
    const { password } = account.credentials
    const credentials: Credentials = { kind: 'sealed', sealed: await sealer.seal(password) }
    // Checked before the plain text is gone.
    if ((await sealer.passwordOf(credentials)) !== password) return false
    if (!(await accounts.save({ ...account, credentials }))) continue
    const stored = (await accounts.byUser(user))?.credentials
    return stored?.kind === 'sealed' && (await sealer.passwordOf(stored)) === password
  }
  return false
}
