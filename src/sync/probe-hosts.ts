/**
 * Probes PDSes that have missed the last request, so that all know when one is back, though nobody has anything to send
 * there. The back-off of each host is kept, by all workers together.
 */

import { isFailing, isGivenUp, mayBeAsked, LEDGER } from '../domain/budget.ts'
import type { Events } from '../observe/events.ts'
import { Recurring, repeat } from '../pause.ts'
import type { Clock } from '../ports/clock.ts'
import type { RepoClient } from '../ports/pds.ts'
import type { LedgerStore } from '../ports/store.ts'

export interface ProbeDeps {
  readonly ledger: LedgerStore
  readonly client: Pick<RepoClient, 'reach'>
  readonly clock: Clock
  readonly events: Events
  /** The PDS on which accounts are made. */
  readonly pdsUrl: string
}

const LOOK_MS = 2_000
/** Most hosts that are probed at the same time. */
const HOSTS = 20
/** Most hosts in trouble that one look goes through. The next one goes on behind them. */
const PAGE = 200

export class HostProbes {
  readonly #deps: ProbeDeps
  readonly #looks = new Recurring()
  /** Behind which host the next look begins; empty for the first of all. */
  #after = ''

  constructor(deps: ProbeDeps) {
    this.#deps = deps
  }

  /** Looks every two seconds, until `stopping` fires. */
  run(stopping: AbortSignal): Promise<void> {
    return repeat(LOOK_MS, stopping, () => this.look())
  }

  /** Probes once whichever hosts it is time for. That the store does not tell is logged, once until it does. */
  look(): Promise<void> {
    const { events } = this.#deps
    return this.#looks.attempt(
      () => this.#probe(),
      (error) => events.defect('probe', error),
    )
  }

  async #probe(): Promise<void> {
    const { ledger, client, clock, pdsUrl } = this.#deps
    const page = await ledger.failing(PAGE, this.#after)
    const due = page.filter(({ requests }) => isFailing(requests) && mayBeAsked(requests, clock.now())).slice(0, HOSTS)
    // Many that wait for their time, or for an answer, keep nobody else waiting.
    const last = due.length === HOSTS ? due.at(-1) : page.at(PAGE - 1)
    this.#after = last?.host ?? ''
    await Promise.all(
      due.map(({ host, requests }) =>
        host !== pdsUrl && isGivenUp(requests, clock.now()) ? ledger.forget(LEDGER.requests(host)) : client.reach(host),
      ),
    )
  }
}
