/**
 * What is known of the hosts of repos: read from the store, and found out by a probe where nothing is known, or it is long ago. All
 * processes share it.
 */

import type { ReadyAccount } from '../domain/account.ts'
import { LEDGER, PROBES } from '../domain/budget.ts'
import { isTimeTo } from '../domain/furthest.ts'
import { contradicts, type HostFacts, type HostTraits, isFresh, refusesBatches, WEAKEST } from '../domain/host-facts.ts'
import { type Failure, isSilent, ok, type Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import type { Clock } from '../ports/clock.ts'
import type { RepoClient } from '../ports/pds.ts'
import type { LedgerStore } from '../ports/store.ts'

export interface KnownHostsDeps {
  readonly ledger: Pick<LedgerStore, 'get' | 'know' | 'reserve'>
  readonly client: Pick<RepoClient, 'probe'>
  readonly clock: Clock
}

/** What another process has found out is seen after so long. */
const LOOK_MS = 60_000
/** A host that could not be probed is taken for the weakest for so long: */
const RETRY_MS = 30_000
/**
 * … and each time for four times as long, but no longer than this, where it does answer: one that gives few points would
 * spend them all on probes, and one that makes no sense may never do so.
 */
const LONGEST_RETRY_MS = 24 * 60 * 60_000

interface Seen {
  readonly facts: HostFacts | null
  /** When the store was looked at, in ms since 1970. */
  readonly at: number
}

export class KnownHosts {
  readonly #deps: KnownHostsDeps
  readonly #seen = new Map<string, Seen>()
  /** Probes that are under way, by host: however many repos wait for it, one is enough. */
  readonly #probes = new Map<string, Promise<Outcome<HostFacts>>>()
  /** Until when a host is not probed again, in ms since 1970, and how often in a row it has answered in vain. */
  readonly #later = new Map<string, { readonly until: number; readonly inVain: number }>()
  /** Hosts that have refused a batch while nothing was known of them. */
  readonly #withoutBatches = new Set<string>()

  constructor(deps: KnownHostsDeps) {
    this.#deps = deps
  }

  /**
   * What holds on the host of a repo that is to be written to. One that cannot be probed now is taken for the weakest.
   *
   * @returns why the host, or the account, is not to be written to now
   */
  async of(account: ReadyAccount, signal: AbortSignal): Promise<Outcome<HostFacts>> {
    const { pds } = account
    const known = await this.#known(pds)
    if (known !== null) return ok(known)
    if (!isTimeTo(this.#later.get(pds)?.until ?? 0, this.#deps.clock.now(), LONGEST_RETRY_MS)) return ok(WEAKEST)
    const running = this.#probes.get(pds)
    // How the probe fails may be the fault of the account that it is made with.
    if (running) return orWeakest(await running)
    const probe = this.findOut(account, signal).finally(() => this.#probes.delete(pds))
    this.#probes.set(pds, probe)
    const found = await probe
    const isForNow = found.kind === 'unauthorized' || (found.kind === 'later' && found.scope === 'host')
    return isForNow || isSilent(found) ? found : orWeakest(found)
  }

  /** Finds out what holds on the account's host, whatever is known of it, and stores it. @returns why it cannot be found out now */
  async findOut(account: ReadyAccount, signal: AbortSignal): Promise<Outcome<HostFacts>> {
    const { client, clock, ledger } = this.#deps
    const { pds } = account
    const reservation = { limits: [PROBES], cost: 1, share: 1, probeMs: 0 }
    const { waitUntil } = await ledger.reserve(LEDGER.probes(pds), reservation, clock.now())
    const answer: Outcome<HostTraits> =
      waitUntil === null
        ? await client.probe(account, signal)
        : { kind: 'later', afterMs: waitUntil - clock.now(), scope: 'account' }
    if (answer.kind !== 'ok') {
      this.#postpone(pds, answer)
      return answer
    }
    const facts = { ...answer.value, at: clock.now() }
    await this.#keep(pds, facts)
    return ok(facts)
  }

  /**
   * What holds for a pass that deletes only, for which no test record is written. Where nothing is known, batches are tried until one
   * is refused: a deletion is planned from a reading and verified by another anyway.
   */
  async forDeletions(pds: string): Promise<HostFacts> {
    const batches = this.#withoutBatches.has(pds) ? 'none' : 'unprotected'
    return (await this.#known(pds)) ?? { ...WEAKEST, batches }
  }

  /** Learns from the answer to a write: what it contradicts is forgotten, and found out again before the next one. */
  async heard(pds: string, writes: readonly RepoWrite[], failure: Failure): Promise<void> {
    const known = await this.#known(pds)
    if (known !== null && contradicts(known, writes, failure)) await this.#keep(pds, null)
    if (refusesBatches(writes, failure)) this.#withoutBatches.add(pds)
  }

  #postpone(pds: string, failure: Failure): void {
    const hasAnswered = failure.kind !== 'unauthorized' && !isSilent(failure)
    const inVain = hasAnswered ? (this.#later.get(pds)?.inVain ?? 0) + 1 : 0
    const asked = failure.kind === 'later' ? failure.afterMs : 0
    const wait = Math.min(LONGEST_RETRY_MS, Math.max(asked, RETRY_MS * 4 ** Math.max(0, inVain - 1)))
    this.#later.set(pds, { until: this.#deps.clock.now() + wait, inVain })
  }

  async #known(pds: string): Promise<HostFacts | null> {
    const { ledger, clock } = this.#deps
    const now = clock.now()
    let seen = this.#seen.get(pds)
    if (!seen || seen.at + LOOK_MS <= now || seen.at > now) {
      seen = { facts: (await ledger.get(LEDGER.requests(pds)))?.facts ?? null, at: now }
      this.#seen.set(pds, seen)
    }
    return seen.facts !== null && isFresh(seen.facts, now) ? seen.facts : null
  }

  async #keep(pds: string, facts: HostFacts | null): Promise<void> {
    const { ledger, clock } = this.#deps
    await ledger.know(LEDGER.requests(pds), facts)
    this.#seen.set(pds, { facts, at: clock.now() })
    this.#later.delete(pds)
    this.#withoutBatches.delete(pds)
  }
}

function orWeakest(found: Outcome<HostFacts>): Outcome<HostFacts> {
  return found.kind === 'ok' ? found : ok(WEAKEST)
}
