/**
 * Comparing a user's moods with their repo, however many there are: they are read page by page and let go, and read a second
 * time only where something differs, to keep the few that matter.
 */

import type { ReadyAccount } from '../domain/account.ts'
import { type RepoAudit } from '../domain/audit.ts'
import { addedCounts, NO_COUNTS } from '../domain/audit-counts.ts'
import { AuditPage, PartAudit, type Standing } from '../domain/audit-pages.ts'
import { ExpectedRecords } from '../domain/expected.ts'
import type { Outcome } from '../domain/outcome.ts'
import { inForce } from '../domain/policy.ts'
import { COLLECTION } from '../domain/record.ts'
import { SeenVersions } from '../domain/seen-versions.ts'
import type { RepoComparison } from '../ports/pds.ts'
import type { OperatorDeps } from './deps.ts'
import type { Hosts, NotReached } from './hosts.ts'
import { histories } from './pages.ts'

type Deps = Pick<OperatorDeps, 'store' | 'client'>

/** Room is made at once for so many records at most: a number of a mood may be any. */
const ROOM = 2_000_000

/** A user's moods and repo, compared. */
export interface ComparedRepo {
  readonly repo: RepoComparison
  readonly audit: RepoAudit
  /** Whether anything is on its way, so that the repo will change: moods, removals, or rows that went meanwhile. */
  readonly moves: boolean
}

/**
 * Compares, and finds what an audit of everything at once would find. Where anything differs, the moods are read again after
 * the repo: what changed meanwhile is in flight, and no finding.
 */
export async function compareUser(
  { store, client }: Deps,
  account: ReadyAccount,
  options: { readonly verify: boolean | 'if_possible'; readonly modernise: boolean },
  hosts: Hosts,
): Promise<Outcome<ComparedRepo> | NotReached> {
  const { user } = account
  const removing = new Set((await store.removals.of(user)).map(({ rkey }) => rkey))
  const standing = async (): Promise<Standing> => {
    return { account, policy: inForce(await store.policy.get()), removing, modernise: options.modernise }
  }
  const before = await firstReading(store, user, await standing())
  const [{ expected }, { verify }] = [before, options]
  const read = await hosts.ask(account.pds, () => client.compare(account, COLLECTION, { expected, verify }))
  if (read.kind !== 'ok') return read
  const repo = read.value
  const odd = await store.odd.of(user, before.versions.size)
  const isClean = repo.records.size === 0 && repo.missing.size === 0 && before.isSettled && odd.length === 0
  if (isClean) {
    const audit = { findings: [], backlog: [], counts: { ...before.counts, records: repo.size } }
    return { kind: 'ok', value: { repo, audit, moves: before.counts.inFlight > 0 || removing.size > 0 } }
  }
  const now = await standing()
  const part = new PartAudit(now, repo)
  for await (const moods of histories(store, user)) {
    part.add(new AuditPage(moods, now), (mood) => !before.versions.has(mood))
  }
  const known = new Map((await store.odd.of(user)).map((one) => [one.id, one]))
  const unknown = part.unknown.filter((id) => !known.has(id))
  for (const one of unknown.length > 0 ? await store.odd.named(unknown) : []) known.set(one.id, one)
  const { isWhole, ...audit } = part.result([...known.values()])
  const moves = audit.counts.inFlight > 0 || removing.size > 0 || !isWhole
  return { kind: 'ok', value: { repo, audit, moves } }
}

/** What all moods of a user together say of the repo. */
async function firstReading(store: Deps['store'], user: string, standing: Standing) {
  const expected = new ExpectedRecords(Math.min(await store.moods.lastOrdinal(user), ROOM))
  const versions = new SeenVersions()
  let [counts, isSettled] = [NO_COUNTS, true]
  for await (const moods of histories(store, user)) {
    const page = new AuditPage(moods, standing)
    for (const [rkey, record] of page.expected) expected.add(rkey, record)
    for (const mood of moods) versions.add(mood)
    counts = addedCounts(counts, page.countsOf(moods))
    isSettled &&= moods.every((mood) => page.isSettled(mood))
  }
  return { expected, versions, counts, isSettled }
}
