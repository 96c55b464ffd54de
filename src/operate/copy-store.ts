/** Moving an installation from one store to another: every item, then a comparison of both sides. */

import { createHash } from 'node:crypto'
import { stringify } from 'safe-stable-stringify'
import type { Archive, ArchiveKind } from '../ports/archive.ts'

/** In this order: what an account is called stands with its handle; what makes work begin comes last. */
const KINDS: readonly ArchiveKind[] = [
  'handles',
  'accounts',
  'moods',
  'intents',
  'erasures',
  'ledger',
  'removals',
  'repos',
]
const PAGE = 500

export interface CopyStep {
  readonly kind: ArchiveKind
  /** Items looked at so far, and in all. */
  readonly done: number
  readonly total: number
}

/** One kind of item, on both sides. */
export interface Comparison {
  readonly kind: ArchiveKind
  readonly from: number
  readonly to: number
  /** As many, and each with the same content. */
  readonly equal: boolean
}

/**
 * Copies what the target lacks or has otherwise. Repeating it copies only what is still missing, so an interrupted run is
 * gone on with by running it again.
 *
 * @param from must not change meanwhile
 * @param stop ends it between two pages
 * @returns how many items were written
 */
export async function copyStore(
  from: Archive,
  to: Archive,
  onStep: (step: CopyStep) => void,
  stop: AbortSignal,
): Promise<number> {
  let written = 0
  for (const kind of KINDS) {
    const total = await from.count(kind)
    let done = 0
    for (let after = ''; !stop.aborted;) {
      const page = await from.page(kind, after, PAGE)
      const last = page.at(-1)
      if (!last) break
      const there = new Map((await to.page(kind, after, PAGE)).map(({ key, item }) => [key, hashOf(item)]))
      const missing = page.filter(({ key, item }) => there.get(key) !== hashOf(item)).map(({ item }) => item)
      await to.put(kind, missing)
      written += missing.length
      done += page.length
      after = last.key
      onStep({ kind, done, total })
    }
  }
  return written
}

/** Counts and hashes both sides, reading all of both. */
export async function compareStores(
  from: Archive,
  to: Archive,
  onStep: (step: CopyStep) => void,
  stop: AbortSignal,
): Promise<readonly Comparison[]> {
  const found: Comparison[] = []
  for (const kind of KINDS) {
    const left = await digest(from, kind, onStep, stop)
    const right = await digest(to, kind, onStep, stop)
    found.push({ kind, from: left.count, to: right.count, equal: left.count === right.count && left.sum === right.sum })
  }
  return found
}

/** The sum of the items' hashes: the same whatever order a store keeps them in. */
async function digest(archive: Archive, kind: ArchiveKind, onStep: (step: CopyStep) => void, stop: AbortSignal) {
  const total = await archive.count(kind)
  let count = 0
  let sum = 0n
  for (let after = ''; !stop.aborted;) {
    const page = await archive.page(kind, after, PAGE)
    const last = page.at(-1)
    if (!last) break
    for (const { key, item } of page) sum += BigInt(`0x${hashOf([key, item])}`)
    count += page.length
    after = last.key
    onStep({ kind, done: count, total })
  }
  return { count, sum }
}

function hashOf(item: unknown): string {
  return createHash('sha256')
    .update(stringify(item) ?? '')
    .digest('hex')
}
