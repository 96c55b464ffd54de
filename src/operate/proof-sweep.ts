/** Goes through all accounts and the last looks at their repos: whose turn it is to be proven, and how all of them stand. */

import { isReady, type ReadyAccount } from '../domain/account.ts'
import { chunks } from '../domain/chunks.ts'
import { NEVER_LOOKED, type RepoLooks } from '../domain/looks.ts'
import { FirstTurns, isRenewable, type ProofNumbers, ProofTally, turnOf } from '../domain/proving.ts'
import type { Store } from '../ports/store.ts'
import { type AuditDeps, unchangedSince } from './audit.ts'
import { Hosts } from './hosts.ts'
import { archived, countsOf } from './pages.ts'

/** A repo whose turn has come. */
interface Due {
  readonly turn: number
  readonly account: ReadyAccount
  readonly looks: RepoLooks
}

/**
 * Goes through all accounts, page by page.
 *
 * @param most so many repos are listed that have to be read, and as many whose proofs may be renewed; all are counted
 * @param isLeftAlone whether a host is asked nothing just now: its repos are not listed
 */
export async function sweep(
  { store, clock }: Pick<AuditDeps, 'store' | 'clock'>,
  everyMs: number,
  most: number,
  isLeftAlone: (pds: string) => boolean,
  stop: AbortSignal,
): Promise<{ readonly due: readonly Due[]; readonly numbers: ProofNumbers }> {
  const now = clock.now()
  const tally = new ProofTally()
  // Apart: many repos that have to be read must not keep back those that cost nothing.
  const [renewable, unread] = [new FirstTurns<Due>(most), new FirstTurns<Due>(most)]
  for await (const page of archived(store, 'accounts', stop)) {
    const known = await store.audits.of(page.map(({ user }) => user))
    for (const account of page) {
      const looks = known.get(account.user) ?? NEVER_LOOKED
      tally.add(account, looks)
      if (!isReady(account) || isLeftAlone(account.pds)) continue
      const turn = turnOf(looks, everyMs, now)
      if (turn > now) continue
      const list = isRenewable(looks, everyMs, now) ? renewable : unread
      list.add({ turn, account, looks })
    }
  }
  const due = [...renewable.list(), ...unread.list()].toSorted((a, b) => a.turn - b.turn)
  return { due, numbers: tally.numbers() }
}

/**
 * Renews the proofs of repos that are as they were, by the lists of their hosts: a thousand repos in one request.
 *
 * @returns those that have to be read
 */
export async function renew(
  deps: AuditDeps,
  due: readonly Due[],
  everyMs: number,
  hosts: Hosts,
): Promise<readonly ReadyAccount[]> {
  const { store, clock } = deps
  const at = clock.now()
  const renewable = due.filter(({ looks }) => isRenewable(looks, everyMs, at))
  const counts = new Map(renewable.map(({ account, looks }) => [account.user, looks.good!.counts.moods]))
  const same = await asCounted(store, counts)
  const accounts = renewable.flatMap(({ account }) => (same.has(account.user) ? [account] : []))
  const seen = await unchangedSince(deps, accounts, hosts)
  return due.flatMap(({ account }) => (seen.has(account.user) ? [] : [account]))
}

/** Users asked for at once. */
const PAGE = 500

/**
 * Of these users, those who have as many moods as at the last look, all of which can be read, and none of which waits: what was
 * changed past all programs that note changes is seen by that, as far as it is cheap.
 */
async function asCounted(
  { work, odd }: Pick<Store, 'work' | 'odd'>,
  counts: ReadonlyMap<string, number>,
): Promise<ReadonlySet<string>> {
  const users = [...counts.keys()]
  const same = new Set<string>()
  const [moods, pending] = [await countsOf(users, (page) => work.countOf(page)), new Set<string>()]
  for (const page of chunks(users, PAGE)) for (const user of (await work.pendingOf(page)).keys()) pending.add(user)
  for (const user of users) {
    const isAsCounted = (moods.get(user) ?? 0) === counts.get(user) && !pending.has(user)
    if (isAsCounted && (await odd.of(user)).length === 0) same.add(user)
  }
  return same
}
