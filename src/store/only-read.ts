/** A store of which a process may read everything and write nothing. */

import {
  type Answer,
  answeredOddly,
  answeredWell,
  blocked,
  type FailingHost,
  failingHost,
  HOST_KEYS,
  isInTrouble,
  informed,
  type LedgerEntry,
  reachable,
  type Reservation,
  reserve,
  unreachable,
  UNUSED,
} from '../domain/budget.ts'
import { DomainError } from '../domain/errors.ts'
import type { StoredPolicy } from '../domain/policy.ts'
import type { LedgerStore, PolicyStore, Store } from '../ports/store.ts'

type PortName = Exclude<keyof Store, 'name' | 'onlyRead' | 'check' | 'time' | typeof Symbol.asyncDispose>

/** What only reads. Every other method is refused, so that one that is added here late refuses too much, and never writes. */
const READS: { readonly [P in PortName]: readonly (keyof Store[P])[] } = {
  moods: ['lastOrdinal', 'byId', 'changedAt', 'feed', 'changes', 'ofUser', 'history', 'authors'],
  work: ['due', 'nextDue', 'held', 'rejected', 'oldestPending', 'count', 'countOf', 'pendingOf'],
  odd: ['of', 'named'],
  accounts: ['handlesOf', 'usersOf', 'byUser', 'byDid', 'sealed', 'needingAttention', 'count'],
  repos: ['held', 'get', 'listen'],
  intents: ['get'],
  erasures: ['byUser', 'byReceipt', 'open', 'odd'],
  removals: ['of'],
  audits: ['of', 'page'],
  sightings: ['of', 'due', 'count'],
  policy: ['get'],
  ledger: ['get', 'failing'],
  workers: ['all'],
  tasks: ['last'],
  data: ['collections', 'scan', 'mended'],
  archive: ['count', 'page'],
}

/**
 * The same store without its writes.
 *
 * @param why which right is missing, and what to grant, in one line
 */
export function onlyRead(store: Store, why: string): Store {
  const ports = Object.entries(READS).map(([name, reads]) => [name, reading(store[name as PortName], reads, why)])
  const rest = Object.fromEntries(ports) as Pick<Store, PortName>
  return {
    ...store,
    ...rest,
    onlyRead: why,
    // What an audit found spares the next one; without that, it looks again.
    audits: withMethods(rest.audits, { note: async () => {} }),
    policy: policyOf(rest.policy),
    ledger: withMethods(rest.ledger, new OwnLedger(store.ledger).methods),
  }
}

function reading<T extends object>(port: T, reads: readonly PropertyKey[], why: string): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (reads.includes(name)) return value.bind(target) as unknown
      return () => Promise.reject(new DomainError('config', why))
    },
  })
}

function withMethods<T extends object>(port: T, methods: Partial<T>): T {
  return new Proxy(port, {
    get: (target, name) => Reflect.get(name in methods ? methods : target, name) as unknown,
  })
}

/** The first policy is in force for this process alone. */
function policyOf(port: PolicyStore): PolicyStore {
  let begun: StoredPolicy | null = null
  const get = async (): Promise<StoredPolicy | null> => (await port.get()) ?? begun
  return withMethods(port, { get, begin: async (first) => (await get()) ?? (begun = { ...first, version: 0 }) })
}

/** Budgets of one process: what was stored when it first asked, and what it has used itself since. */
class OwnLedger {
  readonly #stored: LedgerStore
  readonly #own = new Map<string, LedgerEntry>()

  constructor(stored: LedgerStore) {
    this.#stored = stored
  }

  readonly methods: Omit<LedgerStore, 'forget'> = {
    get: async (key) => this.#own.get(key) ?? this.#stored.get(key),
    reserve: (key: string, reservation: Reservation, now: number): Promise<Answer> =>
      this.#change(key, (before) => {
        const { entry, ...answer } = reserve(before, reservation, now)
        return { entry, answer }
      }),
    block: (key, until, limits) =>
      this.#change(key, (entry) => ({ entry: blocked(entry, until, limits), answer: undefined })),
    unreachable: (key, certain, waitMs, now, askedAt) =>
      this.#change(key, (entry) => {
        return { entry: unreachable(entry, certain, waitMs(entry.failures + 1), now, askedAt), answer: undefined }
      }),
    reachable: (key) => this.#change(key, (entry) => ({ entry: reachable(entry), answer: undefined })),
    noteUnwell: (key, note, now, askedAt) =>
      this.#change(key, (entry) => ({ entry: answeredOddly(entry, note, now, askedAt), answer: undefined })),
    noteWell: (key, methods) =>
      this.#change(key, (entry) => ({ entry: answeredWell(entry, methods), answer: undefined })),
    know: (key, facts) => this.#change(key, (entry) => ({ entry: informed(entry, facts), answer: undefined })),
    failing: (limit) => this.#failing(limit),
  }

  async #change<T>(key: string, change: (before: LedgerEntry) => { entry: LedgerEntry; answer: T }): Promise<T> {
    const stored = this.#own.has(key) ? null : await this.#stored.get(key)
    // Another request may have changed it while this one read.
    const { entry, answer } = change(this.#own.get(key) ?? stored ?? UNUSED)
    this.#own.set(key, entry)
    return answer
  }

  async #failing(limit: number): Promise<readonly FailingHost[]> {
    const stored = await this.#stored.failing(limit + this.#own.size)
    const hosts = new Map(stored.map((one) => [one.host, one]))
    for (const [key, entry] of this.#own) {
      if (key < HOST_KEYS.from || key >= HOST_KEYS.before) continue
      const one = failingHost(key, entry)
      if (isInTrouble(entry)) hosts.set(one.host, one)
      else hosts.delete(one.host)
    }
    const inOrder = [...hosts.values()].toSorted((a, b) => Buffer.compare(Buffer.from(a.host), Buffer.from(b.host)))
    return inOrder.slice(0, limit)
  }
}
