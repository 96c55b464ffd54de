/** Builds repos block by block, without our own code, so that they can be damaged (https://atproto.com/specs/repository). */

import { createHash } from 'node:crypto'
import { type CidLink, encode, toBytes, toCidLink } from '@atcute/cbor'
import { fromDigest } from '@atcute/cid'

const DAG_CBOR = 0x71

/** A block with its name. */
export interface Block {
  /** Bytes of the CID. */
  readonly cid: Uint8Array
  readonly bytes: Uint8Array
}

/** Node of a tree, by what it refers to. */
export interface Node {
  readonly left: CidLink | null
  readonly entries: readonly { readonly key: string; readonly value: CidLink; readonly after: CidLink | null }[]
}

export interface BuiltRepo {
  readonly root: Block
  /** Commit first. */
  readonly blocks: readonly Block[]
}

export function blockOf(value: unknown): Block {
  return rawBlock(encode(value))
}

export function rawBlock(bytes: Uint8Array): Block {
  const digest = createHash('sha256').update(bytes).digest()
  return { cid: fromDigest(DAG_CBOR, digest).bytes, bytes }
}

export function linkTo({ cid }: Pick<Block, 'cid'>): CidLink {
  return toCidLink(fromDigest(DAG_CBOR, cid.subarray(4)))
}

/** Pairs of zero bits before the first one of the key's hash. */
export function levelOf(key: string): number {
  const digest = createHash('sha256').update(key).digest()
  const first = digest.findIndex((byte) => byte !== 0)
  const zeros = first < 0 ? 256 : first * 8 + Math.clz32(digest[first]!) - 24
  return Math.floor(zeros / 2)
}

export function nodeBlock({ left, entries }: Node): Block {
  let last = ''
  const e = entries.map(({ key, value, after }) => {
    let shared = 0
    while (shared < last.length && last[shared] === key[shared]) shared++
    last = key
    return { k: toBytes(Buffer.from(key.slice(shared))), p: shared, t: after, v: value }
  })
  return blockOf({ e, l: left })
}

/** The tree of these keys, as there is only one. @returns its nodes, the topmost first */
export function treeOf(entries: readonly (readonly [string, CidLink])[]): Block[] {
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (sorted.length === 0) return [nodeBlock({ left: null, entries: [] })]
  return subtree(
    sorted,
    sorted.reduce((top, [key]) => Math.max(top, levelOf(key)), 0),
  )
}

function subtree(entries: readonly (readonly [string, CidLink])[], level: number): Block[] {
  const below: Block[] = []
  const groups: (readonly [string, CidLink])[][] = [[]]
  const own: (readonly [string, CidLink])[] = []
  for (const entry of entries) {
    if (levelOf(entry[0]) < level) groups.at(-1)!.push(entry)
    else {
      own.push(entry)
      groups.push([])
    }
  }
  const links = groups.map((group) => {
    if (group.length === 0) return null
    const nodes = subtree(group, level - 1)
    // A large one has more nodes than a call takes arguments.
    for (const node of nodes) below.push(node)
    return linkTo(nodes[0]!)
  })
  const node = { left: links[0]!, entries: own.map(([key, value], i) => ({ key, value, after: links[i + 1]! })) }
  return [nodeBlock(node), ...below]
}

export function commitBlock(did: string, data: CidLink): Block {
  return blockOf({ did, version: 3, data, rev: '3kmm22222222a', prev: null, sig: toBytes(new Uint8Array(64)) })
}

/** A repo with these records, by key. */
export function repoOf(did: string, records: ReadonlyMap<string, unknown>): BuiltRepo {
  const blocks = new Map([...records].map(([key, value]) => [key, blockOf(value)]))
  const tree = treeOf([...blocks].map(([key, block]) => [key, linkTo(block)]))
  return withTree(did, tree, [...blocks.values()])
}

/** A repo of these blocks, whose topmost node is the first. */
export function withTree(did: string, nodes: readonly Block[], records: readonly Block[] = []): BuiltRepo {
  const root = commitBlock(did, linkTo(nodes[0]!))
  return { root, blocks: [root, ...nodes, ...records] }
}

export function headerOf(roots: readonly Pick<Block, 'cid'>[]): Buffer {
  return withLength(Buffer.from(encode({ version: 1, roots: roots.map(linkTo) })))
}

export function partOf({ cid, bytes }: Block): Buffer {
  return withLength(Buffer.concat([cid, bytes]))
}

export function carOf({ root, blocks }: BuiltRepo): Buffer {
  return Buffer.concat([headerOf([root]), ...blocks.map(partOf)])
}

/** With its length before it. */
export function withLength(bytes: Buffer): Buffer {
  const length: number[] = []
  let left = bytes.length
  for (; left > 127; left = Math.floor(left / 128)) length.push((left % 128) + 128)
  return Buffer.concat([Buffer.from([...length, left]), bytes])
}

const DIGITS = '234567abcdefghijklmnopqrstuvwxyz'

/** The key of a record by number; the order is that of the numbers. */
export function keyOf(number: number, collection = 'computer.aesthetic.mood'): string {
  let digits = ''
  for (let left = number, i = 0; i < 11; i++, left = Math.floor(left / 32)) digits = DIGITS[left % 32]! + digits
  return `${collection}/3k${digits}`
}
