/** Repos that wait for the continuous check, by their hosts: a host that has to be left alone keeps back no other's. */

import type { ReadyAccount } from '../domain/account.ts'
import { hostRestMs } from '../domain/proving.ts'
import type { Clock } from '../ports/clock.ts'

/** The repos of one host, each once. */
class Line {
  readonly #again: ReadyAccount[] = []
  readonly changed = new Map<string, ReadyAccount>()
  readonly due = new Map<string, ReadyAccount>()
  #isChangedNext = true

  get length(): number {
    return this.#again.length + this.changed.size + this.due.size
  }

  /** Turn and turn about, so that neither those that change nor those that are old wait for ever. */
  next(): ReadyAccount | undefined {
    const [first, second] = this.#isChangedNext ? [this.changed, this.due] : [this.due, this.changed]
    this.#isChangedNext = !this.#isChangedNext
    const account = this.#again.pop() ?? firstOf(first) ?? firstOf(second)
    if (account === undefined) return undefined
    this.changed.delete(account.user)
    this.due.delete(account.user)
    return account
  }

  putBack(account: ReadyAccount): void {
    this.#again.push(account)
  }
}

function firstOf(accounts: ReadonlyMap<string, ReadyAccount>): ReadyAccount | undefined {
  return accounts.values().next().value
}

export class ProvingQueue {
  readonly #clock: Clock
  readonly #lines = new Map<string, Line>()
  /** Hosts that are left alone: until when, in ms since 1970, after how many times in a row, and when that was decided. */
  readonly #rests = new Map<string, { readonly until: number; readonly times: number; readonly since: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Repos whose turn has come, the first one first, in place of those that were given before. */
  setDue(accounts: readonly ReadyAccount[]): void {
    for (const line of this.#lines.values()) line.due.clear()
    for (const account of accounts) this.#lineOf(account.pds).due.set(account.user, account)
  }

  /** Repos whose moods have changed. */
  addChanged(accounts: readonly ReadyAccount[]): void {
    for (const account of accounts) this.#lineOf(account.pds).changed.set(account.user, account)
  }

  /** Back to the head of its line. */
  putBack(account: ReadyAccount): void {
    this.#lineOf(account.pds).putBack(account)
  }

  next(pds: string): ReadyAccount | undefined {
    return this.#lines.get(pds)?.next()
  }

  /** How many repos wait. */
  get length(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.length, 0)
  }

  /** Hosts with repos that wait, and that need not be left alone. */
  hosts(): readonly string[] {
    for (const [pds, { length }] of this.#lines) if (length === 0) this.#lines.delete(pds)
    return [...this.#lines.keys()].filter((pds) => !this.isResting(pds))
  }

  isResting(pds: string): boolean {
    const rest = this.#rests.get(pds)
    // A rest that was decided in the future comes of a clock that was wrong.
    return rest !== undefined && rest.until > this.#clock.now() && rest.since <= this.#clock.now()
  }

  /** The host is left alone, for longer each time. @param leastMs for so long at least */
  rest(pds: string, leastMs: number): void {
    const times = (this.#rests.get(pds)?.times ?? 0) + 1
    this.#restFor(pds, Math.max(leastMs, hostRestMs(times)), times)
  }

  /** The host is left alone until its budget has more: it has done nothing wrong. */
  restForBudget(pds: string, ms: number): void {
    this.#restFor(pds, ms, 0)
  }

  /** The host has answered. */
  answered(pds: string): void {
    this.#rests.delete(pds)
  }

  #restFor(pds: string, ms: number, times: number): void {
    const since = this.#clock.now()
    this.#rests.set(pds, { since, until: since + ms, times })
  }

  #lineOf(pds: string): Line {
    let line = this.#lines.get(pds)
    if (!line) this.#lines.set(pds, (line = new Line()))
    return line
  }
}
