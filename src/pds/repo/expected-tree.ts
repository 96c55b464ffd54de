/**
 * The tree that a collection should have: its shape follows from its keys alone (https://atproto.com/specs/repository#mst-structure),
 * so it can be built from the rows, and be compared with the tree of a repo by the hashes of its nodes.
 */

import { hash } from 'node:crypto'
import type { Share } from './share.ts'
import type { SortedRecords } from './sorted-records.ts'
import { layerOf } from './tree.ts'

/** As in the nodes of a repo: tag 42, 37 bytes, the mark of a binary CID, version 1, DAG-CBOR, SHA-256 of 32 bytes. */
const LINK = 'd82a58250001711220'
const DIGEST = 32
/** Nodes above fewer keys than this are built again when they are asked for again. */
const REMEMBERED_FROM = 64

/** The nodes above the records of one collection. A million records take 5 MB beside themselves. */
export class ExpectedTree {
  readonly #prefix: string
  readonly #records: SortedRecords
  readonly #layers: Uint8Array
  /** Hashes of large nodes, in hexadecimal digits. */
  readonly #nodes = new Map<string, string>()
  /** Those that write no node just now. */
  readonly #writers: NodeWriter[] = []

  private constructor(prefix: string, records: SortedRecords) {
    this.#prefix = prefix
    this.#records = records
    this.#layers = new Uint8Array(records.size)
  }

  /** @param prefix what all keys begin with: the collection, and a slash */
  static async of(prefix: string, records: SortedRecords, share: Share): Promise<ExpectedTree> {
    const tree = new ExpectedTree(prefix, records)
    for (let i = 0; i < records.size; i++) {
      if (share.isUsedUp) await share.giveWay()
      tree.#layers[i] = layerOf(tree.key(i))
    }
    return tree
  }

  get size(): number {
    return this.#records.size
  }

  /** `collection/record key` of a record, by its place in the order. */
  key(i: number): string {
    return this.#prefix + this.#records.rkey(i)
  }

  rkey(i: number): string {
    return this.#records.rkey(i)
  }

  digest(i: number): Buffer {
    return this.#records.digest(i)
  }

  /** The place of the first record whose key is not before this one; {@link size} when all are. @param key any key of a repo */
  placeOf(key: string): number {
    if (!key.startsWith(this.#prefix)) return key < this.#prefix ? 0 : this.size
    return this.#records.placeOf(key.slice(this.#prefix.length))
  }

  /** The highest layer among records, from the first place up to before the second; -1 for none. */
  topOf(from: number, before: number): number {
    let top = -1
    for (let i = from; i < before; i++) top = Math.max(top, this.#layers[i]!)
    return top
  }

  /**
   * Hash of the node that holds these records and no others.
   *
   * @param layer of the node; none of the records may have a higher one
   * @returns null for no records
   */
  async nodeOf(from: number, before: number, layer: number, share: Share): Promise<Buffer | null> {
    const digest = await this.#hexOf(from, before, layer, share)
    return digest === null ? null : Buffer.from(digest, 'hex')
  }

  /** Hash of the topmost node of a repo that holds this collection and no other. */
  async rootOf(share: Share): Promise<Buffer> {
    const root = await this.nodeOf(0, this.size, this.topOf(0, this.size), share)
    return root ?? Buffer.from(new NodeWriter().end(), 'hex')
  }

  /** The hash as text, since a small buffer for each node of a large tree would stay until the next large collection of garbage. */
  async #hexOf(from: number, before: number, layer: number, share: Share): Promise<string | null> {
    if (from === before) return null
    const isLarge = before - from >= REMEMBERED_FROM
    const name = isLarge ? `${from} ${before} ${layer}` : ''
    const known = isLarge ? this.#nodes.get(name) : undefined
    if (known !== undefined) return known
    const node = this.#writers.pop() ?? new NodeWriter()
    let start = from
    for (let i = from; i <= before; i++) {
      if (share.isUsedUp) await share.giveWay()
      if (i < before && this.#layers[i] !== layer) continue
      node.between(start < i ? await this.#hexOf(start, i, layer - 1, share) : null)
      if (i < before) node.entry(this.key(i), this.digest(i))
      start = i + 1
    }
    const digest = node.end()
    this.#writers.push(node)
    if (isLarge) this.#nodes.set(name, digest)
    return digest
  }
}

/** The head of a list of entries takes so many bytes at most. */
const HEAD = 8
/** What one step writes beside a key: the names of fields, two numbers, two links. */
const STEP = 128

/**
 * Writes `{e: [{k, p, t, v}, …], l}` in DAG-CBOR, one node after the other into the same bytes: `k` what a key adds to the first
 * `p` characters of the one before.
 */
class NodeWriter {
  #bytes = Buffer.allocUnsafeSlow(1024)
  #at = HEAD
  #count = 0
  #last = ''
  /** The node before all entries. */
  #first: string | null = null
  /** The record of the last entry. */
  readonly #record = Buffer.allocUnsafeSlow(DIGEST)

  /** The node between the last entry and the next one; of the first call, that before all entries. @param digest in hexadecimal digits */
  between(digest: string | null): void {
    if (this.#count === 0) {
      this.#first = digest
      return
    }
    this.#reserve(0)
    // `t` comes before `v`, which was there first.
    this.#text('6174')
    this.#link(digest)
    this.#text('6176')
    this.#text(LINK)
    this.#at += this.#record.copy(this.#bytes, this.#at)
  }

  entry(key: string, digest: Buffer): void {
    let shared = 0
    while (shared < key.length && key.charCodeAt(shared) === this.#last.charCodeAt(shared)) shared++
    const added = key.length - shared
    this.#reserve(added)
    this.#text('a4616b')
    this.#at = header(this.#bytes, this.#at, 2, added)
    this.#at += this.#bytes.write(key.slice(shared), this.#at, 'latin1')
    this.#text('6170')
    this.#at = header(this.#bytes, this.#at, 0, shared)
    digest.copy(this.#record)
    this.#last = key
    this.#count++
  }

  /** Ends the node. @returns its hash in hexadecimal digits; the next node begins */
  end(): string {
    this.#reserve(0)
    this.#text('616c')
    this.#link(this.#first)
    const head = Buffer.allocUnsafe(HEAD)
    head.write('a26165', 'hex')
    const length = header(head, 3, 4, this.#count)
    head.copy(this.#bytes, HEAD - length, 0, length)
    const digest = hash('sha256', this.#bytes.subarray(HEAD - length, this.#at), 'hex')
    this.#at = HEAD
    this.#count = 0
    this.#last = ''
    return digest
  }

  #link(digest: string | null): void {
    if (digest === null) this.#text('f6')
    else {
      this.#text(LINK)
      this.#text(digest)
    }
  }

  #text(hex: string): void {
    this.#at += this.#bytes.write(hex, this.#at, 'hex')
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes + STEP <= this.#bytes.length) return
    const longer = Buffer.allocUnsafeSlow((this.#at + bytes + STEP) * 2)
    this.#bytes.copy(longer, 0, 0, this.#at)
    this.#bytes = longer
  }
}

/** Writes the head of a CBOR item (https://www.rfc-editor.org/rfc/rfc8949#section-3). @returns where the next byte comes */
function header(bytes: Buffer, at: number, major: number, value: number): number {
  const type = major << 5
  if (value < 24) return bytes.writeUInt8(type | value, at)
  if (value < 0x100) return bytes.writeUInt8(value, bytes.writeUInt8(type | 24, at))
  if (value < 0x10000) return bytes.writeUInt16BE(value, bytes.writeUInt8(type | 25, at))
  return bytes.writeUInt32BE(value, bytes.writeUInt8(type | 26, at))
}
