/** Makes a user's account, in steps that can each be repeated. */

import { type Account, opened, prepared, refused } from '../domain/account.ts'
import { accountHandle } from '../domain/handle.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { AccountStore } from '../ports/store.ts'
import type { AccountHost } from '../ports/pds.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../observe/events.ts'

/** Names to try before the account waits for an operator. */
const CANDIDATES = 5

export interface ProvisionDeps {
  readonly accounts: AccountStore
  readonly host: AccountHost
  readonly clock: Clock
  readonly events: Events
}

/** The account has changed meanwhile: look again at once. */
const CHANGED: Outcome<never> = { kind: 'later', afterMs: 0, scope: 'account' }

/**
 * Makes the account on the PDS. Name and password are stored before the PDS is asked, so whatever a crash leaves behind
 * is found again by logging in.
 *
 * @returns the account, `ready` or `needs_attention`; or why it has to wait
 */
export async function provision(deps: ProvisionDeps, pending: Account): Promise<Outcome<Account>> {
  let account = pending
  for (let candidate = account.candidate; ; candidate++) {
    if (account.pdsHandle === null || account.credentials === null || account.candidate !== candidate) {
      const named = await name(deps, account, candidate)
      if (named.kind !== 'ok') return named
      account = named.value
    }
    const answer = await deps.host.ensure(account)
    if (answer.kind === 'ok') {
      const { did, pds, sealedSession } = answer.value
      const saved = await deps.accounts.save(opened(account, did, pds, sealedSession))
      if (!saved) return CHANGED
      deps.events.accountOpened(account.user, did)
      return ok(saved)
    }
    if (answer.kind !== 'rejected') return answer
    if (answer.code === 'HandleNotAvailable' && candidate + 1 < CANDIDATES) continue
    const { code, message } = answer
    const saved = await deps.accounts.save(refused(account, { code, message, at: deps.clock.now() }))
    if (!saved) return CHANGED
    deps.events.accountRefused(account.user, code)
    return ok(saved)
  }
}

async function name(deps: ProvisionDeps, account: Account, candidate: number): Promise<Outcome<Account>> {
  const domain = await deps.host.handleDomain()
  if (domain.kind !== 'ok') return domain
  const handle = accountHandle(account.handle, account.user, candidate, domain.value)
  const credentials = account.credentials ?? (await deps.host.newCredentials())
  const saved = await deps.accounts.save(prepared(account, handle, candidate, credentials))
  return saved ? ok(saved) : CHANGED
}
