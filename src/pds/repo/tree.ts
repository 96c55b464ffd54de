/** Walking the tree of a repo, a Merkle search tree (https://atproto.com/specs/repository#mst-structure). */

import { hash } from 'node:crypto'
import { RepoFault } from '../../domain/repo-faults.ts'
import type { BlockTable } from './block-table.ts'
import type { Share } from './share.ts'

/** A proof that is longer than this is none: a level has a fourth of the keys of the one below it. */
const MAX_DEPTH = 64
/** `collection/record key` (https://atproto.com/specs/repository#repo-paths). */
const KEY = /^[a-zA-Z0-9.-]{1,317}\/[\w.:~-]{1,512}$/
/** Before each hash: tag 42, 37 bytes, the mark of a binary CID, version 1, DAG-CBOR, SHA-256 of 32 bytes. */
const LINK = Buffer.from('d82a58250001711220', 'hex')
const DIGEST = 32

/** One node: its keys in order, and where in its bytes the hashes are. */
export interface TreeNode {
  readonly bytes: Buffer
  readonly keys: readonly string[]
  /** Where the hash of each key's record begins. */
  readonly values: readonly number[]
  /** Where the hash of the node before each key begins, and of that after the last one; -1 for none. */
  readonly between: readonly number[]
}

/**
 * Visits all keys in order. Each node is read once, and every key stands where it belongs.
 *
 * @param root block number of the topmost node
 * @param visit told each key, and the block number of its record
 * @throws RepoFault when a block is missing, or the tree is not one
 */
export async function walkTree(
  blocks: BlockTable,
  root: number,
  share: Share,
  visit: (key: string, block: number) => void,
): Promise<void> {
  const seen = new Uint8Array(blocks.size)
  const open = (block: number, level: number | null) => {
    if (block < 0) throw new RepoFault('TreeBlockMissing')
    if (seen[block] === 1) throw new RepoFault('TreeNodeTwice')
    seen[block] = 1
    const node = nodeIn(blocks.bytes(block))
    return { node, level: checkedLevel(node, level), at: 0, isBeside: false }
  }
  const path = [open(root, null)]
  let last = ''
  for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
    if (share.isUsedUp) await share.giveWay()
    const { node, at } = step
    const below = node.between[at]!
    if (!step.isBeside && below >= 0) {
      step.isBeside = true
      path.push(open(blocks.find(node.bytes, below), step.level - 1))
      continue
    }
    if (at === node.keys.length) {
      path.pop()
      continue
    }
    const key = node.keys[at]!
    if (key <= last) throw new RepoFault('TreeKeyOutside')
    const record = blocks.find(node.bytes, node.values[at])
    if (record < 0) throw new RepoFault('TreeBlockMissing')
    visit(key, record)
    last = key
    step.at++
    step.isBeside = false
  }
}

/**
 * The level of a node, counted from the lowest one: that of its keys, or where it has none, one below the node that refers to
 * it. Since each key has its level by its hash, nobody can make up a tree of many nodes and few keys.
 *
 * @param level where it stands; null for the topmost node
 */
function checkedLevel({ keys, between }: TreeNode, level: number | null): number {
  const [first] = keys
  // An empty node is a whole tree, and a part of none; the topmost node of any other has keys.
  if (first === undefined && (level === null) !== (between[0] === -1)) throw new RepoFault('TreeNodeMalformed')
  const own = level ?? (first === undefined ? 0 : layerOf(first))
  if (own < 0) throw new RepoFault('TreeTooDeep')
  for (const key of keys) if (layerOf(key) !== own) throw new RepoFault('TreeKeyLevel')
  return own
}

/** The layer of a key: how many pairs of zero bits its hash begins with (https://atproto.com/specs/repository#mst-structure). */
export function layerOf(key: string): number {
  const digits = hash('sha256', key, 'hex')
  let zeros = 0
  while (digits[zeros] === '0') zeros++
  // Each digit stands for two pairs of bits; of the first that is not 0, the upper pair may be.
  return 2 * zeros + (digits.charAt(zeros) < '4' ? 1 : 0)
}

/**
 * Goes down to the place of one key, which is all that a proof of a record holds.
 *
 * @returns hash of the record; null when the tree has no such key
 * @throws RepoFault when a block on the way is missing, or is no node
 */
export function findInTree(blocks: BlockTable, root: number, key: string): Buffer | null {
  for (let [block, depth] = [root, 0]; ; depth++) {
    if (block < 0) throw new RepoFault('TreeBlockMissing')
    if (depth > MAX_DEPTH) throw new RepoFault('TreeTooDeep')
    const { bytes, keys, values, between } = nodeIn(blocks.bytes(block))
    const at = keys.findIndex((each) => each >= key)
    if (at >= 0 && keys[at] === key) return bytes.subarray(values[at], values[at]! + DIGEST)
    const below = between[at < 0 ? keys.length : at]!
    if (below < 0) return null
    block = blocks.find(bytes, below)
  }
}

/**
 * Reads `{e: [{k, p, t, v}, …], l}`. Written out, since a general decoder takes ten times as long, and a node has one form
 * only: `k` what a key adds to the first `p` characters of the one before, `v` its record, `t` the node after it.
 */
export function nodeIn(bytes: Buffer): TreeNode {
  const reader = new NodeReader(bytes)
  reader.expect(0xa2, 0x61, 0x65)
  const entries = reader.header(4)
  const [keys, values, after]: [string[], number[], number[]] = [[], [], []]
  let last = ''
  for (let i = 0; i < entries; i++) {
    reader.expect(0xa4, 0x61, 0x6b)
    const added = reader.text(reader.header(2))
    reader.expect(0x61, 0x70)
    const shared = reader.header(0)
    if (shared > last.length || last.charCodeAt(shared) === added.charCodeAt(0)) throw malformed()
    const key = last.slice(0, shared) + added
    if (!KEY.test(key)) throw new RepoFault('TreeKeyMalformed')
    if (key <= last) throw new RepoFault('TreeKeyOrder')
    reader.expect(0x61, 0x74)
    after.push(reader.linkOrNull())
    reader.expect(0x61, 0x76)
    values.push(reader.link())
    keys.push(key)
    last = key
  }
  reader.expect(0x61, 0x6c)
  const first = reader.linkOrNull()
  reader.end()
  return { bytes, keys, values, between: [first, ...after] }
}

function malformed(): RepoFault {
  return new RepoFault('TreeNodeMalformed')
}

class NodeReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  expect(...bytes: readonly number[]): void {
    for (const byte of bytes) if (this.#bytes[this.#at++] !== byte) throw malformed()
  }

  /** The number in the header of an item of this major type. */
  header(major: number): number {
    const first = this.#bytes[this.#at++] ?? 0xff
    const info = first & 31
    if (first >> 5 !== major || info > 26) throw malformed()
    if (info < 24) return info
    const length = 1 << (info - 24)
    if (this.#at + length > this.#bytes.length) throw malformed()
    const number = this.#bytes.readUIntBE(this.#at, length)
    this.#at += length
    return number
  }

  text(length: number): string {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed()
    const text = this.#bytes.toString('latin1', this.#at, end)
    this.#at = end
    return text
  }

  /** @returns where the hash begins; -1 for null */
  linkOrNull(): number {
    if (this.#bytes[this.#at] !== 0xf6) return this.link()
    this.#at++
    return -1
  }

  link(): number {
    const start = this.#at + LINK.length
    if (start + DIGEST > this.#bytes.length) throw malformed()
    if (this.#bytes[this.#at] !== LINK[0]) throw malformed()
    if (LINK.compare(this.#bytes, this.#at, start) !== 0) throw new RepoFault('TreeForeignCid')
    this.#at = start + DIGEST
    return start
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed()
  }
}
