/** Remembers the versions of any number of moods, in eight bytes each. Pure. */

import { hash } from 'node:crypto'
import type { Mood } from './mood.ts'

export class SeenVersions {
  #marks = new BigUint64Array(64)
  #size = 0
  #isSorted = false

  add(mood: Pick<Mood, 'id' | 'version'>): void {
    if (this.#size === this.#marks.length) {
      const marks = new BigUint64Array(this.#size * 2)
      marks.set(this.#marks)
      this.#marks = marks
    }
    this.#marks[this.#size++] = markOf(mood)
    this.#isSorted = false
  }

  /** How many moods were added. */
  get size(): number {
    return this.#size
  }

  /** Whether a mood was seen at just this version. */
  has(mood: Pick<Mood, 'id' | 'version'>): boolean {
    if (!this.#isSorted) this.#marks.subarray(0, this.#size).sort()
    this.#isSorted = true
    const mark = markOf(mood)
    let [low, high] = [0, this.#size]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#marks[middle]! < mark) low = middle + 1
      else high = middle
    }
    return low < this.#size && this.#marks[low] === mark
  }
}

function markOf({ id, version }: Pick<Mood, 'id' | 'version'>): bigint {
  // As text: a million small buffers would leave holes in the process's memory.
  return BigInt(`0x${hash('sha256', `${version} ${id}`, 'hex').slice(0, 16)}`)
}
