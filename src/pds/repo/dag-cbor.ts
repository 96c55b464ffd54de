/** Decoding of DAG-CBOR that others have written (https://ipld.io/specs/codecs/dag-cbor/spec/). */

import { decode } from '@atcute/cbor'

/** Deeper than any record or commit; what reads values walks them by recursion. */
const MAX_DEPTH = 64

/**
 * Decodes a block.
 *
 * @throws Error when it is not DAG-CBOR, or is nested too deep
 */
export function decodeBlock(bytes: Uint8Array): unknown {
  checkedLength(bytes)
  return decode(bytes)
}

/**
 * Decodes two values, one after the other.
 *
 * @throws Error as {@link decodeBlock}
 */
export function decodePair(bytes: Uint8Array): readonly [unknown, unknown] {
  const length = checkedLength(bytes)
  return [decode(bytes.subarray(0, length)), decodeBlock(bytes.subarray(length))]
}

/**
 * A decoder makes room for as many items as a header announces. Headers inside each other can announce the same bytes again
 * and again: a megabyte of them asks for more memory than there is. So all items announced must fit into what follows.
 *
 * @returns length of the first value
 */
function checkedLength(bytes: Uint8Array): number {
  /** Items still to come, by depth. */
  const left: number[] = [1]
  let announced = 1
  let at = 0
  while (left.length > 0) {
    const { major, argument, next } = headerAt(bytes, at)
    at = major === 2 || major === 3 ? next + argument : next
    announced--
    left[left.length - 1]!--
    const items = major === 4 ? argument : major === 5 ? argument * 2 : major === 6 ? 1 : 0
    announced += items
    if (announced > bytes.length - at) throw new Error('more items are announced than there are bytes')
    if (items > 0) left.push(items)
    while (left.length > 0 && left.at(-1) === 0) left.pop()
    if (left.length > MAX_DEPTH) throw new Error('nested too deep')
  }
  return at
}

/** The header of an item: its major type, and its argument, which is a number, a length or a count. */
function headerAt(bytes: Uint8Array, at: number): { major: number; argument: number; next: number } {
  const first = bytes[at]
  if (first === undefined) throw new Error('unexpected end')
  const [major, info] = [first >> 5, first & 31]
  if (info < 24) return { major, argument: info, next: at + 1 }
  if (info > 27) throw new Error('a length that is not definite')
  const next = at + 1 + (1 << (info - 24))
  let argument = 0
  for (let i = at + 1; i < next; i++) argument = argument * 256 + (bytes[i] ?? 0)
  return { major, argument, next }
}
