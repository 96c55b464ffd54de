/** What kind of host a PDS is: in what it differs from the reference PDS, and what is done about it. */

import { isReady } from '../domain/account.ts'
import { LEDGER } from '../domain/budget.ts'
import { type HostFacts, isFresh, weaknesses } from '../domain/host-facts.ts'
import type { Clock } from '../ports/clock.ts'
import type { LedgerStore } from '../ports/store.ts'
import { KnownHosts } from '../sync/known-hosts.ts'
import type { OperatorDeps } from './deps.ts'
import type { Check } from './check.ts'

const REMEDY = 'nothing is lost by it, it only takes longer: docs/guides/troubleshooting.md'

/** As the engine has found it out. @param pds base URL */
export async function kindOfHost(ledger: LedgerStore, clock: Clock, pds: string): Promise<Check> {
  const facts = (await ledger.get(LEDGER.requests(pds)))?.facts ?? null
  return facts !== null && isFresh(facts, clock.now()) ? described(pds, facts) : unknown(pds)
}

/** Finds it out by test records in the repo of this user. @returns null where that cannot be done now */
export async function findOutKind(
  { store, client, clock }: Pick<OperatorDeps, 'store' | 'client' | 'clock'>,
  user: string,
  stop: AbortSignal,
): Promise<Check | null> {
  const account = await store.accounts.byUser(user)
  if (!isReady(account)) return null
  const found = await new KnownHosts({ ledger: store.ledger, client, clock }).findOut(account, stop)
  return found.kind === 'ok' ? described(account.pds, found.value) : null
}

function described(pds: string, facts: HostFacts): Check {
  const since = `as found out on ${new Date(facts.at).toISOString()}`
  const differences = weaknesses(facts)
  if (differences.length === 0) {
    const message = `${pds} compares, batches and shows records as the reference PDS does, ${since}`
    return { name: 'host', level: 'ok', message, remedy: null }
  }
  const message = `${pds} is weaker than the reference PDS, ${since}: it ${differences.join('; it ')}`
  return { name: 'host', level: 'warning', message, remedy: REMEDY }
}

function unknown(pds: string): Check {
  const message = `what ${pds} does with records is found out before the first one is written`
  return { name: 'host', level: 'ok', message, remedy: null }
}
