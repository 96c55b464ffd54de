/** Whether the accounts that the store knows are what the world takes them for: PLC directory, PDS and handles. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { App } from '../app.ts'
import type { Account } from '../domain/account.ts'
import { LEDGER } from '../domain/budget.ts'
import { DomainError } from '../domain/errors.ts'
import { codeOf, type Outcome } from '../domain/outcome.ts'
import { isDid, resolveDid } from '../pds/identity.ts'
import { describeRepo, getRepoStatus, resolveHandle } from '../pds/methods.ts'
import type { OnProgress } from './deps.ts'
import { archived } from './pages.ts'
import { pause } from './watch.ts'

/** What may be wrong with an account, and what to do about it. */
const REMEDIES = {
  not_made: 'moods accounts provision makes it',
  refused: 'mend the reason, then: moods retry --execute',
  did_unknown: 'the PLC directory does not know the DID: is PLC_URL the directory that the PDS uses?',
  did_deactivated: 'the identity was given up; erase the user, or let the user sign up anew',
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
  readonly did: string | null
  readonly problem: AccountProblem
  /** What is so, in plain words. */
  readonly detail: string
  readonly remedy: string
}

export interface AccountCheck {
  readonly checked: number
  readonly findings: readonly AccountFinding[]
  /** The last user looked at, where it was stopped before the end: `--after` goes on from there. */
  readonly stoppedAfter: string | null
}

/** Accounts looked at, at the same time. */
const PARALLEL = 8
/** Requests to the PDS for one account. */
const REQUESTS = 3
/** The engine is to have the other half of the requests that the PDS allows. */
const SHARE = 0.5
/** How often a silent PDS is asked before it counts as such. */
const TRIES = 3
const RETRY_MS = 500

/**
 * Looks at accounts, in the order of their users. Changes nothing.
 *
 * @param users only these; null for everybody
 * @param after with everybody, begin after this user
 * @throws DomainError `unavailable` when the PLC directory or our own PDS does not answer
 */
export async function checkAccounts(
  app: App,
  users: readonly string[] | null,
  after: string,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<AccountCheck> {
  const total = users?.length ?? (await app.store.archive.count('accounts'))
  const findings: AccountFinding[] = []
  let checked = 0
  let last: string | null = null
  const source = users === null ? archived(app.store, 'accounts', stop, after) : named(app, users)
  for await (const page of source) {
    for (let i = 0; i < page.length && !stop.aborted; i += PARALLEL) {
      const group = page.slice(i, i + PARALLEL)
      await admit(app, group.length * REQUESTS, stop)
      if (stop.aborted) break
      const found = await Promise.all(group.map((account) => checkOne({ app, stop }, account)))
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

async function* named({ store }: App, users: readonly string[]): AsyncGenerator<readonly Account[]> {
  for (const user of users) {
    const account = await store.accounts.byUser(user)
    if (account) yield [account]
    else throw new DomainError('usage', 'this user has no account: moods accounts provision makes one')
  }
}

/** Takes the requests from what the PDS allows all of us, and waits for that where need be. */
async function admit({ store, clock, config, pdsUrl }: App, cost: number, stop: AbortSignal): Promise<void> {
  const limits = config.limits.requests
  while (!stop.aborted) {
    const reservation = { limits, cost, share: SHARE, probeMs: config.pdsTimeoutMs }
    const { waitUntil } = await store.ledger.reserve(LEDGER.requests(pdsUrl), reservation, clock.now())
    if (waitUntil === null) return
    await pause(Math.max(1, waitUntil - clock.now()), stop)
  }
}

interface Checking {
  readonly app: App
  readonly stop: AbortSignal
}

async function checkOne(checking: Checking, account: Account): Promise<AccountFinding[]> {
  const { app } = checking
  const { user, did, pds } = account
  const findings: AccountFinding[] = []
  const found = (problem: AccountProblem, detail: string): void => {
    findings.push({ user, did, problem, detail, remedy: REMEDIES[problem] })
  }
  if (account.state === 'needs_attention') found('refused', account.error?.code ?? 'no reason was kept')
  if (did === null || pds === null) {
    if (account.state === 'pending') found('not_made', 'asked for, and not made yet')
    return findings
  }
  await checkIdentity(app, account, did, pds, found)
  const status = await patiently(checking, pds, (agent, signal) =>
    xrpc(agent, getRepoStatus, { params: { did: did as l.DidString }, signal }),
  )
  if (status.kind === 'ok') {
    const { active, status: why } = status.value.body
    if (!active) found('repo_inactive', `the PDS says: ${why ?? 'not active'}`)
    else await checkHandle(checking, account, did, pds, found)
  } else if ('answered' in status || status.kind === 'host_down') {
    if (sameUrl(pds, app.pdsUrl) && !checking.stop.aborted)
      throw new DomainError('unavailable', `the PDS at ${pds} does not answer`)
    found('pds_silent', pds)
  } else {
    found('repo_missing', codeOf(status))
  }
  return findings
}

type Found = (problem: AccountProblem, detail: string) => void

/** What the DID document says, against what is stored. */
async function checkIdentity(app: App, { pdsHandle }: Account, did: string, pds: string, found: Found): Promise<void> {
  if (!isDid(did)) return found('did_unknown', `${did} is no DID that ATProto knows`)
  const identity = await resolveDid(did, app.plcUrl, app.config.pdsTimeoutMs)
  if (identity.kind === 'unknown') return found('did_unknown', `${did} is not in ${app.plcUrl}`)
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
  checking: Checking,
  { pdsHandle }: Account,
  did: string,
  pds: string,
  found: Found,
): Promise<void> {
  const repo = did as l.DidString
  const described = await patiently(checking, pds, (agent, signal) =>
    xrpc(agent, describeRepo, { params: { repo }, signal }),
  )
  if (described.kind !== 'ok') return found('repo_missing', codeOf(described))
  const handle = described.value.body.handle
  if (pdsHandle !== null && handle !== pdsHandle) {
    found('handle_differs', `stored: ${pdsHandle}, on the PDS: ${handle}`)
  }
  const resolved = await patiently(checking, pds, (agent, signal) =>
    xrpc(agent, resolveHandle, { params: { handle: handle as l.HandleString }, signal }),
  )
  if (resolved.kind !== 'ok')
    found('handle_unresolved', `${handle}: ${'code' in resolved ? resolved.code : 'no answer'}`)
  else if (resolved.value.body.did !== did) found('handle_elsewhere', `${handle} is ${resolved.value.body.did}`)
}

/** Asks again where there was no answer, or the PDS asked to wait. */
async function patiently<T>(
  { app, stop }: Checking,
  pds: string,
  call: (agent: ReturnType<App['xrpc']['agent']>, signal: AbortSignal) => Promise<T>,
): Promise<Outcome<T>> {
  for (let silent = 0; ;) {
    const answer = await app.xrpc.ask((signal) => call(app.xrpc.agent(pds), signal), stop)
    const isLater = answer.kind === 'later'
    const isSilent = answer.kind === 'host_down' || answer.kind === 'uncertain'
    if (isSilent) silent++
    if ((!isLater && !isSilent) || silent === TRIES || stop.aborted) return answer
    await pause(isLater ? answer.afterMs : RETRY_MS, stop)
  }
}

function sameUrl(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href
}
