/** Asking PDSes in a command: it waits out a host that falters, and is done with one that stays silent. */

import { LEDGER } from '../domain/budget.ts'
import { codeOf, type Failure, isSilent, type Outcome } from '../domain/outcome.ts'
import { LONG_WAIT_MS, type OnWait, type OperatorDeps } from './deps.ts'
import { GIVE_UP_MS, type SilentHost, silentPds } from './silence.ts'

/** The question was not put, or not answered. */
export interface NotReached {
  readonly kind: 'not_reached'
  readonly code: string
  /** Whether it was put. */
  readonly tried: boolean
}

/** Code of a question that was not put: the command was stopped. */
export const STOPPED: string = 'Stopped'
/** Code of a question that was not put: a budget, or the host, asks to wait. */
const ASKED_TO_WAIT = 'AskedToWait'

type Later = Extract<Failure, { kind: 'later' }>

/** The pause between two tries where the budgets ask for none. */
const RETRY_MS = 500

/** A host that spoils so many questions in a row is given up as a whole. */
const SPOILED_TIMES = 3

/** Whether there was an answer, and not as a PDS gives them. */
function isSpoiled(answer: Failure): boolean {
  return answer.kind === 'uncertain' && answer.said !== undefined
}

/** The hosts of one command. A host that was given up is not asked again: the rest of its repos must not wait for it too. */
export class Hosts {
  readonly #deps: Pick<OperatorDeps, 'store' | 'clock' | 'timer'>
  readonly #stop: AbortSignal
  readonly #onWait: OnWait
  readonly #silent = new Map<string, SilentHost>()
  /** How many questions in a row were answered, and not as a PDS does, until they were given up. */
  readonly #spoiled = new Map<string, number>()
  readonly #keepsWaits: boolean
  readonly #waits = new Map<string, Later>()

  /**
   * @param stop ends every wait
   * @param onWait told of waits that a budget or the PDS asks for
   * @param keepsWaits whether it keeps these waits; if not, it gives up a host that asks for one
   */
  constructor(
    deps: Pick<OperatorDeps, 'store' | 'clock' | 'timer'>,
    stop: AbortSignal,
    onWait: OnWait = () => {},
    keepsWaits = true,
  ) {
    this.#deps = deps
    this.#stop = stop
    this.#onWait = onWait
    this.#keepsWaits = keepsWaits
  }

  /** Gives up a host that another part of the command has waited for. */
  giveUp(host: SilentHost): void {
    this.#silent.set(host.url, host)
  }

  /** Whether this host was given up: asking it is in vain. */
  isSilent(pds: string): boolean {
    return this.#silent.has(pds) || this.#waits.has(pds)
  }

  /** What wait the host was given up for; null where it was not given up for any. */
  waitFor(pds: string): Later | null {
    return this.#waits.get(pds) ?? null
  }

  /** Hosts that were given up. */
  get silent(): readonly SilentHost[] {
    const byUrl = new Map([...this.#silent.values()].map((host) => [host.url, host]))
    return [...byUrl.values()]
  }

  /**
   * Asks until there is an answer, until the host is given up, or until `stop` fires. A pause that a budget or the PDS asks
   * for is kept, however long it is, where waits are kept.
   *
   * @param pds base URL of the PDS
   * @param request asks once
   */
  async ask<T>(pds: string, request: () => Promise<Outcome<T>>): Promise<Outcome<T> | NotReached> {
    const { clock, timer } = this.#deps
    let silentFrom: { readonly at: number; readonly ms: number } | null = null
    for (let code = STOPPED, tried = false; ;) {
      if (this.isSilent(pds)) return { kind: 'not_reached', code: 'HostSilent', tried }
      if (this.#stop.aborted) return { kind: 'not_reached', code, tried }
      const began = { at: clock.now(), ms: timer.now() }
      const answer = await request()
      if (answer.kind === 'later' && !isSilent(answer)) {
        if (!this.#keepsWaits) this.#waits.set(pds, answer)
        if (!this.#keepsWaits) return { kind: 'not_reached', code: ASKED_TO_WAIT, tried: false }
        await this.#wait(answer.afterMs)
        continue
      }
      // Cut short, it says nothing.
      if (answer.kind !== 'ok' && this.#stop.aborted) return { kind: 'not_reached', code: STOPPED, tried: false }
      if (answer.kind === 'ok' || !isSilent(answer)) {
        this.#spoiled.delete(pds)
        return answer
      }
      // A host that is taken for dead was not even asked.
      if (answer.kind !== 'later') [tried, code] = [true, codeOf(answer)]
      else if (!tried) code = 'HostSilent'
      silentFrom ??= began
      const left = silentFrom.ms + GIVE_UP_MS - timer.now()
      if (left <= 0) {
        if (isSpoiled(answer) && !this.#isSpoiledAgain(pds)) return { kind: 'not_reached', code, tried }
        this.#silent.set(pds, await this.#named(pds, answer, silentFrom.at))
        return { kind: 'not_reached', code, tried }
      }
      await timer.pause(Math.min(left, answer.kind === 'later' ? answer.afterMs : RETRY_MS), this.#stop)
    }
  }

  /** Something that spoils the answers about one repository may let those about others through. */
  #isSpoiledAgain(pds: string): boolean {
    const times = (this.#spoiled.get(pds) ?? 0) + 1
    this.#spoiled.set(pds, times)
    return times >= SPOILED_TIMES
  }

  async #wait(ms: number): Promise<void> {
    const { clock, timer } = this.#deps
    const isLong = ms >= LONG_WAIT_MS
    if (isLong) this.#onWait(clock.now() + ms)
    await timer.pause(ms, this.#stop)
    if (isLong) this.#onWait(null)
  }

  /** @param since when this command first missed an answer; the ledger knows whether any process has missed one earlier */
  async #named(pds: string, answer: Failure, since: number): Promise<SilentHost> {
    if (answer.kind === 'host_down' && answer.directory !== undefined) {
      return { what: 'PLC directory', url: answer.directory, since }
    }
    const known = await this.#deps.store.ledger.get(LEDGER.requests(pds))
    return silentPds(pds, known, since)
  }
}
