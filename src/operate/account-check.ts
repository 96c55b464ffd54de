/** Compares the accounts in the store with the PLC directory, their PDS, and their handles. */

import type { Account } from '../domain/account.ts'
import { chunks } from '../domain/chunks.ts'
import { DomainError } from '../domain/errors.ts'
import { codeOf, type Outcome } from '../domain/outcome.ts'
import { nameOf, whoIs } from '../domain/user-names.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { archived } from './pages.ts'
import { findUsers, handleOf } from './users.ts'

/** What may be wrong with an account, and what to do about it. */
const REMEDIES = {
  not_made: 'moods accounts provision makes it',
  refused: 'mend the reason, then: moods retry --execute',
  did_unknown: 'the PLC directory does not know the DID: is PLC_URL the directory that the PDS uses?',
  did_deactivated: 'the identity was given up; erase the user, or let the user sign up again',
  pds_differs: 'the account has moved, or the stored PDS is wrong: the DID document decides where to write',
  handle_differs: 'the handle was changed outside; records are not affected, only what people look for',
  handle_unresolved: 'the handle leads nowhere: look at the DNS of the handle domain, and at the handle on the PDS',
  handle_elsewhere: 'the handle leads to another account: give this one another handle on the PDS',
  repo_missing: 'the PDS has no such repo: restore the account, or erase the user',
  repo_inactive: 'activate the account on the PDS (deactivated, taken down or suspended), then: moods retry --execute',
  pds_silent: 'the PDS of this account does not answer: try again later',
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
  readonly findings: readonly AccountFinding[]
  /** The last user checked before the command was stopped: `--after` resumes there. null when all were checked. */
  readonly stoppedAfter: string | null
}

/** What a check needs of an installation. */
type CheckDeps = Pick<OperatorDeps, 'store' | 'directory' | 'timer'> & {
  readonly pdsUrl: string
  readonly plcUrl: string
}

/** Accounts checked at the same time. */
const PARALLEL = 8
/** How often a PDS is asked before it counts as silent. */
const TRIES = 3
const RETRY_MS = 500

/**
 * Checks accounts, in the order of their users. Changes nothing.
 *
 * @param names of users; all users if none is named
 * @param after without names, begin after this user
 * @throws DomainError `usage` for an unknown name, or a user without an account; `unavailable` when the PLC directory or our own PDS does not answer
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
  const findings: AccountFinding[] = []
  let checked = 0
  let last: string | null = null
  const source = isAll ? archived(deps.store, 'accounts', stop, after) : named(deps, names)
  for await (const page of source) {
    for (const group of chunks(page, PARALLEL)) {
      if (stop.aborted) break
      const found = await Promise.all(group.map((account) => checkOne(deps, account, stop)))
      // Cut short, an answer says nothing: the next run looks at these again.
      if (stop.aborted) break
      findings.push(...found.flat())
      checked += group.length
      last = group.at(-1)!.user
      onProgress('checking accounts', checked, total)
    }
  }
  return { checked, findings, stoppedAfter: stop.aborted ? (last ?? after) : null }
}

async function* named({ store }: CheckDeps, names: readonly string[]): AsyncGenerator<readonly Account[]> {
  for (const user of await findUsers(store, names)) {
    const account = await store.accounts.byUser(user)
    if (account) yield [account]
    else {
      const handle = await handleOf(store, user)
      const remedy = `"moods accounts provision ${nameOf(user, handle)}" makes one`
      throw new DomainError('usage', `${whoIs(user, handle)} has no account: ${remedy}`)
    }
  }
}

async function checkOne(deps: CheckDeps, account: Account, stop: AbortSignal): Promise<AccountFinding[]> {
  const { user, did, pds } = account
  const handle = account.handle || null
  const findings: AccountFinding[] = []
  const found = (problem: AccountProblem, detail: string): void => {
    findings.push({ user, handle, did, problem, detail, remedy: REMEDIES[problem] })
  }
  if (account.state === 'needs_attention') found('refused', account.error?.code ?? 'no reason was kept')
  if (did === null || pds === null) {
    if (account.state === 'pending') found('not_made', 'asked for, and not made yet')
    return findings
  }
  await checkIdentity(deps, account, did, pds, found)
  const status = await patiently(deps, () => deps.directory.repoStatus(pds, did, stop), stop)
  if (status.kind === 'ok') {
    const { active, status: why } = status.value
    if (!active) found('repo_inactive', `the PDS says: ${why ?? 'not active'}`)
    else await checkHandle(deps, account, { did, pds }, found, stop)
  } else if ('answered' in status || status.kind === 'host_down' || status.kind === 'later') {
    if (sameUrl(pds, deps.pdsUrl) && !stop.aborted)
      throw new DomainError('unavailable', `the PDS at ${pds} does not answer`)
    found('pds_silent', pds)
  } else {
    found('repo_missing', codeOf(status))
  }
  return findings
}

type Found = (problem: AccountProblem, detail: string) => void

/** What the DID document says, against what is stored. */
async function checkIdentity(
  { directory, plcUrl }: CheckDeps,
  { pdsHandle }: Account,
  did: string,
  pds: string,
  found: Found,
): Promise<void> {
  const identity = await directory.identity(did)
  if (identity.kind === 'invalid') return found('did_unknown', `${did} is no DID that ATProto knows`)
  if (identity.kind === 'unknown') return found('did_unknown', `${did} is not in ${plcUrl}`)
  if (identity.kind === 'deactivated') return found('did_deactivated', `${did} is a tombstone`)
  const { pds: endpoint, handle } = identity
  if (endpoint === null || !sameUrl(endpoint, pds)) {
    found('pds_differs', `stored: ${pds}, in the DID document: ${endpoint ?? 'none'}`)
  }
  if (pdsHandle !== null && handle !== pdsHandle) {
    found('handle_differs', `stored: ${pdsHandle}, in the DID document: ${handle ?? 'none'}`)
  }
}

/** The handle as the PDS resolves it, and as it describes the repo. */
async function checkHandle(
  deps: CheckDeps,
  { pdsHandle }: Account,
  { did, pds }: { readonly did: string; readonly pds: string },
  found: Found,
  stop: AbortSignal,
): Promise<void> {
  const { directory } = deps
  const described = await patiently(deps, () => directory.handleOf(pds, did, stop), stop)
  if (described.kind !== 'ok') return found('repo_missing', codeOf(described))
  const handle = described.value
  if (pdsHandle !== null && handle !== pdsHandle) {
    found('handle_differs', `stored: ${pdsHandle}, on the PDS: ${handle}`)
  }
  const resolved = await patiently(deps, () => directory.resolveHandle(pds, handle, stop), stop)
  if (resolved.kind !== 'ok')
    found('handle_unresolved', `${handle}: ${'code' in resolved ? resolved.code : 'no answer'}`)
  else if (resolved.value !== did) found('handle_elsewhere', `${handle} is ${resolved.value}`)
}

/** Asks again where there was no answer, or where the PDS or its budget asks to wait. */
async function patiently<T>(
  { timer }: Pick<CheckDeps, 'timer'>,
  ask: () => Promise<Outcome<T>>,
  stop: AbortSignal,
): Promise<Outcome<T>> {
  for (let silent = 0; ;) {
    const answer = await ask()
    const isDead = answer.kind === 'later' && answer.dead === true
    const isSilent = isDead || answer.kind === 'host_down' || answer.kind === 'uncertain'
    if (isSilent) silent++
    if ((answer.kind !== 'later' && !isSilent) || silent === TRIES || stop.aborted) return answer
    await timer.pause(answer.kind === 'later' && !isDead ? answer.afterMs : RETRY_MS, stop)
  }
}

function sameUrl(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href
}
