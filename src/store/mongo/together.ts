/**
 * One round trip for many calls: while a request is on its way, what is asked for meanwhile gathers, and shares the next one.
 * A call by itself waits for nothing. What a request reads was asked for before it was sent, so nobody is answered with
 * anything older than the call.
 */

import type { Collection, Filter } from 'mongodb'
import { DomainError } from '../../domain/errors.ts'
import { translated } from './errors.ts'

/** Most calls that share one. */
const MOST = 500
/** A call waits no longer than this, in ms, for the request before it, which may hang. */
const PATIENCE_MS = 200

interface Call<T, R> {
  readonly item: T
  readonly resolve: (answer: R | Promise<R>) => void
  readonly reject: (error: unknown) => void
}

/** When a request is sent that nothing holds up. */
export const WHEN = {
  /** With all that goes on from the same answer. What its caller does next comes after it. */
  soon: (send: () => void): void => queueMicrotask(send),
  /** With all that arrives in the same turn of the event loop. */
  thisTurn: (send: () => void): void => void setImmediate(send),
} as const

export class Together<T, R> {
  readonly #work: (items: readonly T[]) => Promise<readonly (R | Promise<R>)[]>
  readonly #when: (send: () => void) => void
  #waiting: Call<T, R>[] = []
  /** The request that was sent last, until it is answered. */
  #latest: readonly Call<T, R>[] | null = null
  #isScheduled = false
  #patience: NodeJS.Timeout | null = null

  /**
   * @param work answers calls, in their order. Where it fails for another reason than that the database does not answer, each
   *   call is asked by itself, so that nobody pays for another's
   */
  constructor(
    work: (items: readonly T[]) => Promise<readonly (R | Promise<R>)[]>,
    when: (typeof WHEN)[keyof typeof WHEN] = WHEN.soon,
  ) {
    this.#work = work
    this.#when = when
  }

  ask(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#latest === null) this.#schedule()
      else this.#patience ??= setTimeout(() => this.#send(), PATIENCE_MS)
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#when(() => {
      this.#isScheduled = false
      this.#send()
    })
  }

  #send(): void {
    if (this.#patience) clearTimeout(this.#patience)
    this.#patience = null
    const calls = this.#waiting.splice(0, MOST)
    if (calls.length === 0) return
    this.#latest = calls
    void this.#answer(calls).finally(() => {
      // Where it hung, others have been sent beside it.
      if (this.#latest !== calls) return
      this.#latest = null
      if (this.#waiting.length > 0) this.#schedule()
    })
    // The rest of them.
    if (this.#waiting.length > 0) this.#patience = setTimeout(() => this.#send(), PATIENCE_MS)
  }

  async #answer(calls: readonly Call<T, R>[]): Promise<void> {
    try {
      const answers = await this.#work(calls.map(({ item }) => item))
      for (const [i, { resolve }] of calls.entries()) resolve(answers[i]!)
    } catch (error) {
      if (calls.length === 1 || translated(error) instanceof DomainError) for (const { reject } of calls) reject(error)
      else await Promise.all(calls.map((call) => this.#answer([call])))
    }
  }
}

/** Gathers look-ups of documents whose `_id` is text. Null for one that is not there. */
export function documentsById<D extends { readonly _id: string }>(
  collection: Collection<D>,
): Together<string, D | null> {
  return new Together(async (ids) => {
    const found = await collection.find({ _id: { $in: [...new Set(ids)] } } as Filter<D>).toArray()
    const byId = new Map<string, D>(found.map((document) => [document._id, document as unknown as D]))
    return ids.map((id) => byId.get(id) ?? null)
  })
}
