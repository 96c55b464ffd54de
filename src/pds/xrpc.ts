/**
 * The one place that sends XRPC requests: what every request carries, what it costs, how long it may take, and its answer
 * as an outcome.
 */

import { type Agent, xrpc } from '@atproto/lex-client'
import { SMALL_ENDS_AT, type SmallBudget } from '../domain/budget.ts'
import { timeOfAnswer } from '../domain/clocks.ts'
import { isSilent, ok, type Outcome } from '../domain/outcome.ts'
import { pause } from '../pause.ts'
import type { Clock } from '../ports/clock.ts'
import type { Answered, Cost, Governor } from './governor.ts'
import { outcomeOf } from './answer.ts'
import { describeServer, maxBytesOf, methodIn } from './methods.ts'
import { HEADERS_MS, isHtml, kindOf, OddAnswer, send } from './transport.ts'

export interface XrpcOptions {
  /** How long one request may take. */
  readonly timeoutMs: number
  /** Null where there is none. */
  readonly bypassKey: BypassKey | null
  /** Told what time a host has, in ms since 1970, with each answer that says so. */
  readonly onTime?: (host: string, time: number) => void
}

/** Lifts the rate limits of a PDS of one's own (its `PDS_RATE_LIMIT_BYPASS_KEY`). No other host gets to see it. */
interface BypassKey {
  readonly key: string
  /** Base URL of the PDS. */
  readonly pds: string
}

/** The headers by which a PDS lifts its limits: none for any other host. @param url of the host, or of anything on it */
function bypassHeaders(bypass: BypassKey | null, url: string): Record<string, string> {
  if (bypass === null || URL.parse(bypass.pds)?.origin !== URL.parse(url)?.origin) return {}
  return { 'x-ratelimit-bypass': bypass.key }
}

/** One request: it goes to the agent's host, and is aborted by the signal. */
export type Call<T> = (agent: Agent, signal: AbortSignal) => Promise<T>

/** How requests are sent; what is left out is the default. */
export interface Sending {
  /** `Bearer …` or `Basic …`; none for what anyone may ask. */
  readonly authorization?: string
  /** What each call costs, beside one request of its host. */
  readonly costs?: readonly Cost[]
  /** How much of the host's limit of requests may be used, 0 to 1; 1 by default. */
  readonly share?: number
  /** What small budget the calls are charged to as well; none by default. */
  readonly small?: SmallBudget | null
  /** Ends the calls before their time. */
  readonly abort?: AbortSignal | undefined
  /** How many times as long as usual a call may take, as long as its host answers at all meanwhile; 1 by default. */
  readonly patience?: number
  /** The most bytes that an answer may have; what the method needs by default ({@link maxBytesOf}). */
  readonly maxBytes?: number
}

/** The longest that a probe may take: it asks for next to nothing. */
const PROBE_MS = 5_000
/** A call that may take long is no reason to wait for a host that is gone: after so long, and then every so often, it is probed. */
const PROBE_AFTER_MS = 1_000
const PROBE_EVERY_MS = 5_000

export class Xrpc {
  readonly #clock: Clock
  readonly #options: XrpcOptions
  readonly #governor: Governor | null
  /** Probes that are under way, by host. */
  #probes = new Map<string, Promise<Answered<unknown>>>()
  /** Ends every call; null for none. */
  #ending: AbortSignal | null = null
  /** What every call is charged to that says nothing else. */
  #small: SmallBudget | null = null
  #isCharged = true

  /** @param governor null where there are no budgets to keep: for single requests of an operator */
  constructor(clock: Clock, options: XrpcOptions, governor: Governor | null) {
    this.#clock = clock
    this.#options = options
    this.#governor = governor
  }

  /** The same, but for its calls, which end when the signal fires. @param small what they are charged to as well */
  until(signal: AbortSignal, small: SmallBudget | null = null): Xrpc {
    const ending = this.#copy()
    ending.#ending = signal
    ending.#small = small
    return ending
  }

  /** The same, but for what its calls cost: nothing. They wait all the same while a host, or what it asks for, makes them wait. */
  uncharged(): Xrpc {
    const free = this.#copy()
    free.#isCharged = false
    return free
  }

  #copy(): Xrpc {
    const copy = new Xrpc(this.#clock, this.#options, this.#governor)
    copy.#probes = this.#probes
    copy.#ending = this.#ending
    copy.#small = this.#small
    copy.#isCharged = this.#isCharged
    return copy
  }

  /**
   * Sends one request.
   *
   * @param host base URL of the PDS
   * @param call sends exactly one request
   */
  async ask<T>(host: string, call: Call<T>, sending: Sending = {}): Promise<Outcome<T>> {
    const answers = await this.askAll(host, [call], sending)
    return answers.kind === 'ok' ? answers.value[0]! : answers
  }

  /**
   * Sends several requests to one host side by side, charged together: all of them, or none.
   *
   * @param calls none, to have a host probed that has missed a request, and no other
   * @returns the outcome of each; `later` or `host_down` when they were not sent
   */
  askAll<T>(host: string, calls: readonly Call<T>[], sending: Sending = {}): Promise<Outcome<readonly Outcome<T>[]>> {
    const sendAll = () => Promise.all(calls.map((call) => this.#send(host, call, sending)))
    if (this.#governor === null) return sendAll().then((answers) => ok(answers.map(({ outcome }) => outcome)))
    const { small = this.#small, share = small === null ? 1 : SMALL_ENDS_AT, costs = [] } = sending
    const price = this.#isCharged
      ? { requests: calls.length, share, small, costs }
      : { requests: 0, share: 1, small: null, costs: [] }
    return this.#governor.govern({ host, ...price }, { send: sendAll, probe: () => this.#probe(host) })
  }

  async #send<T>(host: string, call: Call<T>, sending: Sending): Promise<Answered<T>> {
    const { abort, patience = 1 } = sending
    const { timeoutMs } = this.#options
    const over = new AbortController()
    const ends = [abort, this.#ending].filter((signal) => signal instanceof AbortSignal)
    const signals = [AbortSignal.timeout(timeoutMs * patience), ...ends]
    if (patience > 1) signals.push(this.#whenSilent(host, over.signal))
    try {
      return await this.#answerTo(host, call, sending, AbortSignal.any(signals))
    } finally {
      over.abort()
    }
  }

  /** Fires when the host is found silent, until `over` fires. */
  #whenSilent(host: string, over: AbortSignal): AbortSignal {
    const silent = new AbortController()
    const watch = async (): Promise<void> => {
      for (let ms = PROBE_AFTER_MS; ; ms = PROBE_EVERY_MS) {
        await pause(ms, over)
        if (over.aborted) return
        const answer = await this.ask(host, describe, { abort: over })
        if (isSilent(answer)) return silent.abort(new DOMException('the host does not answer', 'TimeoutError'))
      }
    }
    // Where the ledger fails, the call keeps to its own time.
    watch().catch(() => {})
    return silent.signal
  }

  /** However many wait for it, a host gets one probe at a time. */
  #probe(host: string): Promise<Answered<unknown>> {
    const running = this.#probes.get(host)
    if (running) return running
    const signal = AbortSignal.timeout(Math.min(PROBE_MS, this.#options.timeoutMs))
    const probe = this.#answerTo(host, describe, {}, signal).finally(() => {
      this.#probes.delete(host)
    })
    this.#probes.set(host, probe)
    return probe
  }

  async #answerTo<T>(host: string, call: Call<T>, sending: Sending, signal: AbortSignal): Promise<Answered<T>> {
    let method: string | null = null
    // The client throws, where it should fail, when it is called too late.
    if (signal.aborted) return { outcome: { kind: 'uncertain', code: 'AbortError', answered: true }, method }
    const agent = this.#agent(host, sending, (nsid) => (method = nsid))
    const outcome = await outcomeOf(
      () => call(agent, signal),
      () => this.#clock.now(),
    )
    return { outcome, method }
  }

  /**
   * Sends what an XRPC method makes of a call. It goes to this host, with its credentials, and nowhere else.
   *
   * @param onMethod told which method is asked
   */
  #agent(service: string, { authorization, patience = 1, maxBytes }: Sending, onMethod: (nsid: string) => void): Agent {
    const { bypassKey, timeoutMs, onTime } = this.#options
    const headersMs = Math.min(HEADERS_MS, timeoutMs * patience)
    return {
      did: undefined,
      async fetchHandler(path, init) {
        const url = new URL(path, service)
        const method = methodIn(url)
        onMethod(method)
        const headers = new Headers(init.headers)
        // Compression takes both sides longer than it saves: most of what is sent is hashes. `identity` is stated since a PDS that
        // is told nothing sends a repo block by block.
        headers.set('accept-encoding', 'identity')
        if (authorization !== undefined) headers.set('authorization', authorization)
        for (const [name, value] of Object.entries(bypassHeaders(bypassKey, service))) headers.set(name, value)
        const response = await send(url, { ...init, headers }, { headersMs, maxBytes: maxBytes ?? maxBytesOf(method) })
        if (isPage(response)) throw new OddAnswer(`Status${response.status}`, kindOf(response))
        const time = timeOfAnswer(response.headers.get('date'), response.headers.get('age'))
        if (time !== null) onTime?.(service, time)
        return response
      },
    }
  }
}

/** A page for people in the place of an answer: where a method promises no body, nothing else would tell. */
function isPage({ status, headers }: Response): boolean {
  return status < 300 && isHtml(headers)
}

/** The cheapest question to a PDS. */
const describe: Call<unknown> = async (agent, signal) => (await xrpc(agent, describeServer, { signal })).body
