/** Asks relays what they know of accounts and of their PDS: over XRPC as a PDS is asked, within a small budget for each relay. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import { backoffMs } from '../domain/backoff.ts'
import { LEDGER } from '../domain/budget.ts'
import { isSilent, ok, type Outcome } from '../domain/outcome.ts'
import { RELAY_REQUESTS } from '../domain/relay.ts'
import { conditionBehind } from '../domain/repo-condition.ts'
import type { RelayAnswer } from '../domain/sighting.ts'
import type { Clock } from '../ports/clock.ts'
import type { HostAtRelay, Relays } from '../ports/sightings.ts'
import type { LedgerStore } from '../ports/store.ts'
import { getHostStatus, getRepoStatusAtRelay, requestCrawl } from './methods.ts'
import { OddAnswer } from './transport.ts'
import type { Call, Xrpc } from './xrpc.ts'

/** A relay's own words are short; anything else is none. */
const WORD = /^[A-Za-z][A-Za-z-]{0,39}$/

/** The name under which a relay knows a PDS. @param pds base URL */
function hostnameOf(pds: string): string {
  return new URL(pds).host
}

/** Asks once, whatever the budget. @returns null where the relay does not know the PDS */
export async function askHostAtRelay(
  client: Xrpc,
  relay: string,
  pds: string,
  abort?: AbortSignal,
): Promise<Outcome<HostAtRelay | null>> {
  const params = { hostname: hostnameOf(pds) }
  const call: Call<HostAtRelay> = async (agent, signal) => {
    const { status, accountCount = null } = (await xrpc(agent, getHostStatus, { params, signal })).body
    return { status: wordIn(status), accounts: accountCount }
  }
  const answer = await client.ask(relay, call, { abort })
  return answer.kind === 'rejected' && answer.code === 'HostNotFound' ? ok(null) : answer
}

function wordIn(status: string | undefined): string | null {
  return status !== undefined && WORD.test(status) ? status : null
}

export interface RelayOptions {
  /** Milliseconds that one request may take. */
  readonly timeoutMs: number
}

/** What all processes together have asked of a relay, and that it is silent, is in the ledger. */
export class RelayClient implements Relays {
  readonly #ledger: LedgerStore
  readonly #clock: Clock
  readonly #random: () => number
  readonly #xrpc: Xrpc
  readonly #options: RelayOptions

  /** @param client without budgets: those of relays are kept here */
  constructor(ledger: LedgerStore, clock: Clock, random: () => number, client: Xrpc, options: RelayOptions) {
    this.#ledger = ledger
    this.#clock = clock
    this.#random = random
    this.#xrpc = client
    this.#options = options
  }

  async account(relay: string, did: string, abort?: AbortSignal): Promise<Outcome<RelayAnswer>> {
    const params = { did: did as l.DidString }
    const call: Call<RelayAnswer> = async (agent, signal) => {
      const {
        did: about,
        active,
        status,
        rev = null,
      } = (await xrpc(agent, getRepoStatusAtRelay, { params, signal })).body
      if (about !== did) throw new OddAnswer('AnotherAccount', 'the status of another repo')
      return { kind: 'known', active, status: wordIn(status), rev }
    }
    const answer = await this.#ask(relay, () => this.#xrpc.ask(relay, call, { abort }))
    const condition = answer.kind === 'ok' ? null : conditionBehind(answer)
    if (condition === null) return answer
    return ok(
      condition === 'gone' ? { kind: 'unknown' } : { kind: 'known', active: false, status: condition, rev: null },
    )
  }

  host(relay: string, pds: string, abort?: AbortSignal): Promise<Outcome<HostAtRelay | null>> {
    return this.#ask(relay, () => askHostAtRelay(this.#xrpc, relay, pds, abort))
  }

  requestCrawl(relay: string, pds: string, abort?: AbortSignal): Promise<Outcome> {
    const body = { hostname: hostnameOf(pds) }
    const call: Call<void> = async (agent, signal) => void (await xrpc(agent, requestCrawl, { body, signal }))
    return this.#ask(relay, () => this.#xrpc.ask(relay, call, { abort }))
  }

  async #ask<T>(relay: string, send: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const key = LEDGER.relay(relay)
    const at = this.#clock.now()
    const reservation = { limits: RELAY_REQUESTS, cost: 1, share: 1, probeMs: this.#options.timeoutMs }
    const { waitUntil, failing, dead } = await this.#ledger.reserve(key, reservation, at)
    if (waitUntil !== null) return { kind: 'later', afterMs: Math.max(1, waitUntil - at), scope: 'host', dead }
    const answer = await send()
    const now = this.#clock.now()
    if (answer.kind === 'later') await this.#ledger.block(key, now + answer.afterMs)
    else if (isSilent(answer)) {
      const isCertain = answer.kind === 'host_down'
      await this.#ledger.unreachable(key, isCertain, (failures) => backoffMs(failures, this.#random()), now, at)
    } else if (failing) await this.#ledger.reachable(key)
    return answer
  }
}
