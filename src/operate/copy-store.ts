/** Copies one store to another, item by item, and compares both. What cannot be read for certain stays behind, and is counted. */

import { createHash } from 'node:crypto'
import { stringify } from 'safe-stable-stringify'
import { DomainError } from '../domain/errors.ts'
import { oddText } from '../domain/odd.ts'
import type { Archive, ArchiveItems, ArchiveKind } from '../ports/archive.ts'
import type { Store } from '../ports/store.ts'
import { walk } from './data-walk.ts'
import type { OnProgress } from './deps.ts'

/** In this order: handles before the accounts that use them; the policy before repos, which start work and come last. */
const KINDS: readonly ArchiveKind[] = [
  'handles',
  'accounts',
  'moods',
  'intents',
  'erasures',
  'ledger',
  'removals',
  'policy',
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
  /** The same number of items, each with the same content. */
  readonly equal: boolean
}

/** How a copy ended. */
export interface StoreCopy {
  /** Whether both were compared to the end. */
  readonly complete: boolean
  readonly executed: boolean
  /** Items written to the target. */
  readonly written: number
  readonly equal: boolean
  readonly compared: readonly Comparison[]
  /** How much of the source cannot be read for certain, and stays behind. */
  readonly odd: number
}

/**
 * Copies a store and compares both sides.
 *
 * @param execute without it, only compares
 * @param stop ends it between two pages; an interrupted copy is never `equal`
 * @throws DomainError `usage` where the policy cannot be read: without it, the copy would publish as if there had been none
 */
export async function moveStore(
  source: Pick<Store, 'archive' | 'data' | 'policy'>,
  { archive: to }: Pick<Store, 'archive'>,
  execute: boolean,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<StoreCopy> {
  const step = (verb: string) => (at: CopyStep) => onProgress(`${verb} ${at.kind}`, at.done, at.total)
  const { archive: from } = source
  const policy = await source.policy.get()
  if (policy?.odd && execute) {
    const remedy = 'set another one with "moods federation", and copy then'
    throw new DomainError('usage', `the policy on federation cannot be read (${oddText(policy.odd)}): ${remedy}`)
  }
  let odd = 0
  await walk(source, (_, piece) => void (odd += piece.odd.length), onProgress, stop)
  const written = execute ? await copyStore(from, to, step('copying'), stop) : 0
  const compared = await compareStores(from, to, step('comparing'), stop)
  const complete = !stop.aborted
  const equal = complete && compared.every((kind) => kind.equal)
  return { complete, executed: execute, written, equal, compared, odd }
}

/**
 * Copies the items that the target lacks or has with other content. Repeating it resumes it.
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
      const missing = page
        .filter(isReadable)
        .filter(({ key, item }) => there.get(key) !== hashOf(item))
        .map(({ item }) => item)
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
  let [count, done] = [0, 0]
  let sum = 0n
  for (let after = ''; !stop.aborted;) {
    const page = await archive.page(kind, after, PAGE)
    const last = page.at(-1)
    if (!last) break
    const readable = page.filter(isReadable)
    for (const { key, item } of readable) sum += BigInt(`0x${hashOf([key, item])}`)
    count += readable.length
    done += page.length
    after = last.key
    onStep({ kind, done, total })
  }
  return { count, sum }
}

/** Accounts and a policy that cannot be read are items as well, in a state of their own; all else that is odd is none. */
function isReadable({ item }: { readonly item: ArchiveItems[ArchiveKind] }): boolean {
  return !('odd' in item && item.odd !== undefined)
}

function hashOf(item: unknown): string {
  return createHash('sha256')
    .update(stringify(item) ?? '')
    .digest('hex')
}
