/** Hosts that do not answer, as the ledger knows them. */

import { isFailing, LEDGER } from '../domain/budget.ts'
import { isSilent } from '../domain/outcome.ts'
import type { OperatorDeps } from './deps.ts'

/** A host that a command has given up. */
export interface SilentHost {
  readonly what: 'PDS' | 'PLC directory'
  readonly url: string
  /** Since when it has not answered, in ms since 1970. */
  readonly since: number
}

/** How long a host may be silent before a command gives it up; long enough for one that is started again. */
export const GIVE_UP_MS = 5_000

/** These PDSes, when every one of them has missed the last request, and the probe too if it is time for one; none otherwise. */
export async function allSilent(
  { store: { ledger }, client, clock }: Pick<OperatorDeps, 'store' | 'client' | 'clock'>,
  hosts: ReadonlySet<string>,
): Promise<readonly SilentHost[]> {
  const silent: SilentHost[] = []
  for (const url of hosts) {
    const known = await ledger.get(LEDGER.requests(url))
    if (known === null || !isFailing(known) || !isSilent(await client.reach(url))) return []
    silent.push({ what: 'PDS', url, since: known.silentSince ?? clock.now() })
  }
  return silent
}

/** The PDSes of these users, when none of them answers; none otherwise, or where one is not known. */
export async function silentFor(
  deps: Pick<OperatorDeps, 'store' | 'client' | 'clock'>,
  users: readonly (string | null)[],
): Promise<readonly SilentHost[]> {
  const hosts = new Set<string>()
  for (const user of users) {
    const pds = user === null ? null : ((await deps.store.accounts.byUser(user))?.pds ?? null)
    if (pds === null) return []
    hosts.add(pds)
  }
  return allSilent(deps, hosts)
}

/** As a clause. */
export function silentText({ what, url, since }: SilentHost): string {
  return `the ${what} at ${url} has not answered since ${new Date(since).toISOString()}`
}
