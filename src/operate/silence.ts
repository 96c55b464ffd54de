/** Hosts that do not answer, as the ledger knows them. */

import { isDead, LEDGER } from '../domain/budget.ts'
import type { OperatorDeps } from './deps.ts'

/** A host that a command has given up. */
export interface SilentHost {
  readonly what: 'PDS' | 'PLC directory'
  readonly url: string
  /** Since when it has not answered, in ms since 1970. */
  readonly since: number
}

/** These PDSes, when the ledger takes every one of them for dead; none otherwise. */
export async function allSilent(
  { store: { ledger }, clock }: Pick<OperatorDeps, 'store' | 'clock'>,
  hosts: ReadonlySet<string>,
): Promise<readonly SilentHost[]> {
  const silent: SilentHost[] = []
  for (const url of hosts) {
    const known = await ledger.get(LEDGER.requests(url))
    if (known === null || !isDead(known)) return []
    silent.push({ what: 'PDS', url, since: known.silentSince ?? clock.now() })
  }
  return silent
}
