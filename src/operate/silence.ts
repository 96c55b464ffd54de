/** Hosts that do not answer, or not as they should, as the ledger knows them. */

import { isFailing, LEDGER, type LedgerEntry } from '../domain/budget.ts'
import { isSilent } from '../domain/outcome.ts'
import { isRecent, noted, unwellText } from '../domain/unwell.ts'
import type { OperatorDeps } from './deps.ts'

/** A host that a command has given up. */
export interface SilentHost {
  readonly what: 'PDS' | 'PLC directory'
  readonly url: string
  /** Since when it has not answered, in ms since 1970. */
  readonly since: number
  /** What it has said in place of answers, as a clause about it; absent where it has said nothing. */
  readonly said?: string
}

/** How long a host may be silent before a command gives it up; long enough for one that is started again. */
export const GIVE_UP_MS = 5_000

/**
 * These PDSes, when every one of them has missed the last request, and the probe too if it is time for one, or answers just
 * now, and not as a PDS does; none otherwise.
 *
 * @param isStuck whether what somebody waits for at a host has failed: one that spoils a single mood does its other work
 */
export async function allSilent(
  { store: { ledger }, client, clock }: Pick<OperatorDeps, 'store' | 'client' | 'clock'>,
  hosts: ReadonlySet<string>,
  isStuck: (pds: string) => boolean = () => true,
): Promise<readonly SilentHost[]> {
  const silent: SilentHost[] = []
  for (const url of hosts) {
    const known = await ledger.get(LEDGER.requests(url))
    if (known === null) return []
    const now = clock.now()
    const isUnwell = (known.unwell ?? []).some((note) => isRecent(note, now)) && isStuck(url)
    if (!isUnwell && !(isFailing(known) && isSilent(await client.reach(url)))) return []
    silent.push(silentPds(url, known, now))
  }
  return silent
}

/** @param known what the ledger has of its requests @param now when it was missed, where that was not noted */
export function silentPds(url: string, known: LedgerEntry | null, now: number): SilentHost {
  const said = unwellText(noted(known?.unwell, known?.silentSince), now)
  return { what: 'PDS', url, since: known?.silentSince ?? now, ...(said !== null && { said }) }
}

/** The PDSes of these users, when none of them answers; none otherwise, or where one is not known. */
export async function silentFor(
  deps: Pick<OperatorDeps, 'store' | 'client' | 'clock'>,
  users: readonly (string | null)[],
): Promise<readonly SilentHost[]> {
  const hosts = new Set<string>()
  const working = new Set<string>()
  for (const user of users) {
    const pds = user === null ? null : ((await deps.store.accounts.byUser(user))?.pds ?? null)
    if (user === null || pds === null) return []
    hosts.add(pds)
    if (!(await deps.store.repos.get(user))?.failures) working.add(pds)
  }
  return allSilent(deps, hosts, (pds) => !working.has(pds))
}

/** As a clause. */
export function silentText({ what, url, since, said }: SilentHost): string {
  return `the ${what} at ${url} ${said ?? `has not answered since ${new Date(since).toISOString()}`}`
}
