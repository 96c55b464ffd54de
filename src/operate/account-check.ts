/** Compares the accounts in the store with the PLC directory, their PDS, and their handles. */

import type { Account } from '../domain/account.ts'
import { chunks } from '../domain/chunks.ts'
import { DomainError } from '../domain/errors.ts'
import { accountReason } from '../domain/reasons.ts'
import { codeOf, type Outcome } from '../domain/outcome.ts'
import { isSameUrl } from '../domain/urls.ts'
import { nameOf, whoIs } from '../domain/user-names.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { Hosts } from './hosts.ts'
import { archived } from './pages.ts'
import type { SilentHost } from './silence.ts'
import { findUsers, handleOf } from './users.ts'

/** What may be wrong with an account, and what to do about it. */
const REMEDIES = {
  not_made: '"moods accounts provision --execute" makes it',
  odd: 'mend the document of the user in the database; until then nothing is done with the account',
  refused: 'mend the reason, then: "moods retry --execute"',
  did_unknown: 'the PLC directory does not know the DID: is PLC_URL the directory that the PDS uses?',
  did_unreadable: 'the directory of the DID has no readable document: see to it, or to a proxy on the way there',
  did_deactivated:
    'the identity was given up: "moods accounts replace USER --execute" gives the user another account; or erase the user',
  pds_differs:
    'the DID document decides, so nothing is written there. If the PDS has another address: "moods accounts rehost OLD NEW --execute"; if the owner has left: "moods accounts replace USER --execute"',
  handle_differs: 'the handle was changed outside; records are not affected, only what people look for',
  handle_unresolved: 'the handle leads nowhere: look at the DNS of the handle domain, and at the handle on the PDS',
  handle_elsewhere: 'the handle leads to another account: give this one another handle on the PDS',
  repo_missing:
    'the PDS has no such repo: restore the account, or "moods accounts replace USER --execute" gives the user another; or erase the user',
  repo_inactive:
    'activate the account on the PDS (deactivated, taken down or suspended), then: "moods retry --execute"',
} as const
type AccountProblem = keyof typeof REMEDIES

interface AccountFinding {
  readonly user: string
  readonly handle: string | null
  readonly did: string | null
  readonly problem: AccountProblem
  /** What was found, in plain words. */
  readonly detail: string
  readonly remedy: string
}

export interface AccountCheck {
  readonly checked: number
  /** Of these, accounts of which not everything is known: a host did not answer. */
  readonly notReached: number
  readonly findings: readonly AccountFinding[]
  /** Hosts that did not answer. */
  readonly silent: readonly SilentHost[]
  /** The last user checked before the command was stopped: `--after` resumes there. null when all were checked. */
  readonly stoppedAfter: string | null
}

/** What a check needs of an installation. */
type CheckDeps = Pick<OperatorDeps, 'store' | 'directory' | 'places' | 'clock' | 'timer'> & {
  readonly plcUrl: string
}

/** Accounts checked at the same time. */
const PARALLEL = 8

/**
 * Checks accounts, in the order of their users. Changes nothing. A host that does not answer is given up once, and the rest is
 * checked all the same.
 *
 * @param names of users; all users if none is named
 * @param after without names, begin after this user
 * @throws DomainError `usage` for an unknown name, or a user without an account
 */
export async function checkAccounts(
  deps: CheckDeps,
  names: readonly string[],
  after: string,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<AccountCheck> {
  const isAll = names.length === 0
  const total = isAll ? await deps.store.archive.count('accounts') : names.length
  const hosts = new Hosts(deps, stop)
  const findings: AccountFinding[] = []
  let [checked, notReached] = [0, 0]
  let last: string | null = null
  const source = isAll ? archived(deps.store, 'accounts', stop, after) : named(deps, names)
  for await (const page of source) {
    for (const group of chunks(page, PARALLEL)) {
      if (stop.aborted) break
      const found = await Promise.all(group.map((account) => new AccountLook(deps, account, hosts, stop).check()))
      // Cut short, an answer says nothing: the next run looks at these again.
      if (stop.aborted) break
      findings.push(...found.flatMap((look) => look.findings))
      checked += group.length
      notReached += found.filter(({ isReached }) => !isReached).length
      last = group.at(-1)!.user
      onProgress('checking accounts', checked, total)
    }
  }
  return { checked, notReached, findings, silent: hosts.silent, stoppedAfter: stop.aborted ? (last ?? after) : null }
}

async function* named({ store }: CheckDeps, names: readonly string[]): AsyncGenerator<readonly Account[]> {
  for (const user of await findUsers(store, names)) {
    const account = await store.accounts.byUser(user)
    if (account) yield [account]
    else {
      const handle = await handleOf(store, user)
      const remedy = `"moods accounts provision ${nameOf(user, handle)} --execute" makes one`
      throw new DomainError('usage', `${whoIs(user, handle)} has no account: ${remedy}`)
    }
  }
}

/** A look at one account. */
class AccountLook {
  readonly findings: AccountFinding[] = []
  /** Whether every host has answered. */
  isReached = true
  readonly #deps: CheckDeps
  readonly #account: Account
  readonly #hosts: Hosts
  readonly #stop: AbortSignal

  constructor(deps: CheckDeps, account: Account, hosts: Hosts, stop: AbortSignal) {
    this.#deps = deps
    this.#account = account
    this.#hosts = hosts
    this.#stop = stop
  }

  async check(): Promise<this> {
    const { did, pds, state, error } = this.#account
    if (state === 'needs_attention') this.#found('refused', error?.code ?? 'no reason was kept')
    if (state === 'odd') this.#found('odd', accountReason(this.#account).text)
    else if (did !== null && pds !== null) {
      await this.#checkIdentity(did, pds)
      await this.#checkRepo(did, pds)
    } else if (state === 'pending') this.#found('not_made', 'asked for, and not made yet')
    return this
  }

  /** What the DID document says, against what is stored. */
  async #checkIdentity(did: string, pds: string): Promise<void> {
    const { directory, plcUrl } = this.#deps
    // The document of a did:web is on a host of its own.
    const host = did.startsWith('did:web:') ? did : plcUrl
    const answer = await this.#hosts.ask(host, () => directory.identity(did))
    if (answer.kind === 'not_reached') return void (this.isReached = false)
    if (answer.kind !== 'ok') return this.#found('did_unreadable', `${did}: ${codeOf(answer)}`)
    const identity = answer.value
    if (identity.kind === 'invalid') return this.#found('did_unknown', `${did} is no DID that ATProto knows`)
    if (identity.kind === 'unknown') return this.#found('did_unknown', `${did} is not in ${plcUrl}`)
    if (identity.kind === 'deactivated') return this.#found('did_deactivated', `${did} is a tombstone`)
    const { pds: endpoint, handle } = identity
    if (endpoint === null || (await this.#isElsewhere(did, pds, endpoint))) {
      this.#found('pds_differs', `stored: ${pds}, in the DID document: ${endpoint ?? 'none'}`)
    }
    const { pdsHandle } = this.#account
    if (pdsHandle !== null && handle !== pdsHandle) {
      this.#found('handle_differs', `stored: ${pdsHandle}, in the DID document: ${handle ?? 'none'}`)
    }
  }

  /** A PDS may be reached by another address than the one in the document. */
  async #isElsewhere(did: string, pds: string, endpoint: string): Promise<boolean> {
    if (isSameUrl(endpoint, pds)) return false
    const place = await this.#deps.places.placeOf({ ...this.#account, state: 'ready', did, pds }, 'usual')
    return place.kind !== 'here'
  }

  /** Whether the repo can be read, and the handle as the PDS resolves it, and as it describes the repo. */
  async #checkRepo(did: string, pds: string): Promise<void> {
    const { directory } = this.#deps
    const { pdsHandle } = this.#account
    const status = await this.#ask(pds, () => directory.repoStatus(pds, did, this.#stop))
    if (status === null) return
    if (status.kind !== 'ok') return this.#found('repo_missing', codeOf(status))
    const { active, status: why } = status.value
    if (!active) return this.#found('repo_inactive', `the PDS says: ${why ?? 'not active'}`)
    const described = await this.#ask(pds, () => directory.handleOf(pds, did, this.#stop))
    if (described === null) return
    if (described.kind !== 'ok') return this.#found('repo_missing', codeOf(described))
    const handle = described.value
    if (pdsHandle !== null && handle !== pdsHandle) {
      this.#found('handle_differs', `stored: ${pdsHandle}, on the PDS: ${handle}`)
    }
    const resolved = await this.#ask(pds, () => directory.resolveHandle(pds, handle, this.#stop))
    if (resolved === null) return
    if (resolved.kind !== 'ok') this.#found('handle_unresolved', `${handle}: ${codeOf(resolved)}`)
    else if (resolved.value !== did) this.#found('handle_elsewhere', `${handle} is ${resolved.value}`)
  }

  /** @returns null where nothing is known: there was no answer, or only one of an error on the way to it */
  async #ask<T>(pds: string, request: () => Promise<Outcome<T>>): Promise<Outcome<T> | null> {
    const answer = await this.#hosts.ask(pds, request)
    if (answer.kind !== 'not_reached' && answer.kind !== 'uncertain') return answer
    this.isReached = false
    return null
  }

  #found(problem: AccountProblem, detail: string): void {
    const { user, handle, did } = this.#account
    const remedy = REMEDIES[problem].replaceAll('USER', nameOf(user, handle || null))
    this.findings.push({ user, handle: handle || null, did, problem, detail, remedy })
  }
}
