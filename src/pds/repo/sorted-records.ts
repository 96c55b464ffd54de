/** What a collection should hold, in the order of record keys. */

import type { ExpectedRecords } from '../../domain/expected.ts'
import type { Share } from './share.ts'

export class SortedRecords {
  readonly #records: ExpectedRecords
  /** Their numbers, in order. */
  readonly #order: Uint32Array
  /** Places of keys that several rows claim. */
  readonly #claimed: ReadonlySet<number>

  private constructor(records: ExpectedRecords, order: Uint32Array, claimed: ReadonlySet<number>) {
    this.#records = records
    this.#order = order
    this.#claimed = claimed
  }

  /** Of several with one key, one is taken, and its content counts as not known. */
  static async of(records: ExpectedRecords, share: Share): Promise<SortedRecords> {
    const order = await inOrder(records, share)
    const claimed = new Set<number>()
    let size = 0
    for (const i of order) {
      if (size > 0 && records.compare(order[size - 1]!, i) === 0) claimed.add(size - 1)
      else order[size++] = i
    }
    return new SortedRecords(records, order.subarray(0, size), claimed)
  }

  get size(): number {
    return this.#order.length
  }

  /** Record key, by the place in the order. */
  rkey(place: number): string {
    return this.#records.rkey(this.#order[place]!)
  }

  /** SHA-256 of the record. */
  digest(place: number): Buffer {
    return this.#records.digest(this.#order[place]!)
  }

  /** Whether the content is known, so that it need not be read where the hash is right. */
  isKnown(place: number): boolean {
    return this.#records.isKnown(this.#order[place]!) && !this.#claimed.has(place)
  }

  /** The place of the first record whose key is not before this one; {@link size} when all are. */
  placeOf(rkey: string): number {
    let [low, high] = [0, this.size]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.rkey(middle) < rkey) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Sorts by merging, since that can be done in turns. Rows mostly come in the order of their times, and so of their keys. */
async function inOrder(records: ExpectedRecords, share: Share): Promise<Uint32Array> {
  const { size } = records
  let [from, to] = [new Uint32Array(size), new Uint32Array(size)]
  for (let i = 0; i < size; i++) from[i] = i
  for (let width = 1; width < size; width *= 2) {
    for (let start = 0; start < size; start += 2 * width) {
      const [middle, end] = [Math.min(start + width, size), Math.min(start + 2 * width, size)]
      if (middle === end || records.compare(from[middle - 1]!, from[middle]!) <= 0) {
        to.set(from.subarray(start, end), start)
        if (share.isUsedUp) await share.giveWay()
        continue
      }
      for (let [at, left, right] = [start, start, middle]; at < end; at++) {
        if (share.isUsedUp) await share.giveWay()
        const isLeft = right === end || (left < middle && records.compare(from[left]!, from[right]!) <= 0)
        to[at] = from[isLeft ? left++ : right++]!
      }
    }
    ;[from, to] = [to, from]
  }
  return from
}
