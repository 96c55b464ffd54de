/**
 * Stands in front of the PDS: takes every request from the budgets of its account and host before it is sent, and leaves
 * a host that does not answer alone, but for one request at a time that tries it. Both are kept in the store, so that all
 * processes together keep to them.
 */

import { backoffMs } from '../domain/backoff.ts'
import { LEDGER, type Limit, type Limits, pointsOf, READ_SINGLY, RESERVED_FOR_DELETES } from '../domain/budget.ts'
import type { Failure, Outcome } from '../domain/outcome.ts'
import type { LedgerStore } from '../ports/store.ts'
import type { AccountHost, RepoClient } from '../ports/pds.ts'
import type { Clock } from '../ports/clock.ts'

export interface GovernorOptions {
  readonly limits: Limits
  /** How long one try of a host that is taken for dead may take. */
  readonly probeMs: number
}

/** Firehose events of a new account: identity, account, first commit. */
const EVENTS_OF_ACCOUNT = 3

type Later = Extract<Failure, { kind: 'later' }>

interface Cost {
  readonly key: string
  readonly limits: readonly Limit[]
  readonly cost: number
  readonly share?: number
}

export class Governor {
  readonly #ledger: LedgerStore
  readonly #clock: Clock
  readonly #random: () => number
  readonly #options: GovernorOptions

  constructor(ledger: LedgerStore, clock: Clock, random: () => number, options: GovernorOptions) {
    this.#ledger = ledger
    this.#clock = clock
    this.#random = random
    this.#options = options
  }

  /** Why the user's account may not log in now; null if it may. */
  async admitLogin(user: string): Promise<Failure | null> {
    return this.#take({ key: LEDGER.logins(user), limits: this.#options.limits.logins, cost: 1 }, 'account')
  }

  /** The client, within its budgets. */
  client(inner: RepoClient): RepoClient {
    return {
      read: (account, collection, rkeys) => {
        const requests = rkeys.length > READ_SINGLY ? 1 : rkeys.length
        return this.#call(account.pds, requests, [], () => inner.read(account, collection, rkeys))
      },
      snapshot: (account, collection, verify) =>
        this.#call(account.pds, 1, [], () => inner.snapshot(account, collection, verify)),
      revisions: (pds) => this.#call(pds, 1, [], () => inner.revisions(pds)),
      list: (account, collection) => this.#call(account.pds, 1, [], () => inner.list(account, collection)),
      get: (account, collection, rkey) => this.#call(account.pds, 1, [], () => inner.get(account, collection, rkey)),
      write: (account, collection, writes, signal) => {
        const { points, events } = this.#options.limits
        const share = writes.every((write) => write.action === 'delete') ? 1 : 1 - RESERVED_FOR_DELETES
        const costs: Cost[] = [
          { key: LEDGER.points(account.did), limits: points, cost: pointsOf(writes), share },
          { key: LEDGER.events(account.pds), limits: events, cost: 1, share },
        ]
        return this.#call(account.pds, 1, costs, () => inner.write(account, collection, writes, signal))
      },
    }
  }

  /** Account making, within its budgets. @param url the PDS */
  host(inner: AccountHost, url: string): AccountHost {
    const events: Cost = { key: LEDGER.events(url), limits: this.#options.limits.events, cost: EVENTS_OF_ACCOUNT }
    return {
      handleDomain: () => this.#call(url, 1, [], () => inner.handleDomain()),
      newSealedPassword: () => inner.newSealedPassword(),
      ensure: (account) => this.#call(url, 3, [events], () => inner.ensure(account)),
      find: (account) => this.#call(url, 1, [], () => inner.find(account)),
      deleteAccount: (did) => this.#call(url, 1, [events], () => inner.deleteAccount(did)),
    }
  }

  async #call<T>(
    url: string,
    requests: number,
    costs: readonly Cost[],
    send: () => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const key = LEDGER.requests(url)
    const { probeMs, limits } = this.#options
    const reservation = { limits: limits.requests, cost: requests, share: 1, probeMs }
    const { waitUntil, failing } = await this.#ledger.reserve(key, reservation, this.#clock.now())
    if (waitUntil !== null) return this.#later(waitUntil, 'host')
    for (const cost of costs) {
      const refusal = await this.#take(cost, 'account')
      if (refusal) return { ...refusal, less: cost.cost > 1 }
    }
    const outcome = await send()
    await this.#learn(key, outcome, failing)
    return outcome
  }

  async #take({ key, limits, cost, share = 1 }: Cost, scope: 'account' | 'host'): Promise<Later | null> {
    if (limits.length === 0) return null
    const reservation = { limits, cost, share, probeMs: 0 }
    const { waitUntil } = await this.#ledger.reserve(key, reservation, this.#clock.now())
    return waitUntil === null ? null : this.#later(waitUntil, scope)
  }

  /** What the answer says of the host. */
  async #learn(key: string, outcome: Outcome<unknown>, failing: boolean): Promise<void> {
    const now = this.#clock.now()
    const isDown = outcome.kind === 'host_down'
    if (isDown || (outcome.kind === 'uncertain' && !outcome.answered)) {
      await this.#ledger.unreachable(key, isDown, (failures) => backoffMs(failures, this.#random()), now)
    } else if (outcome.kind === 'later' && outcome.scope === 'host') {
      await this.#ledger.block(key, now + outcome.afterMs)
    } else if (failing) {
      await this.#ledger.reachable(key)
    }
  }

  #later(until: number, scope: 'account' | 'host'): Later {
    return { kind: 'later', afterMs: Math.max(1, until - this.#clock.now()), scope }
  }
}
