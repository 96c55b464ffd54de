/**
 * The tree that a collection should have: its shape follows from its keys alone (https://atproto.com/specs/repository#mst-structure),
 * so it can be built from the rows, and be compared with the tree of a repo by the hashes of its nodes.
 */

import { hash } from 'node:crypto'
import type { Share } from './share.ts'
import type { SortedRecords } from './sorted-records.ts'
import { layerOf } from './tree.ts'

/** As in the nodes of a repo: tag 42, 37 bytes, the mark of a binary CID, version 1, DAG-CBOR, SHA-256 of 32 bytes. */
const LINK = Buffer.from('d82a58250001711220', 'hex')
const NONE = Buffer.from([0xf6])
/** Nodes above fewer keys than this are built again when they are asked for again. */
const REMEMBERED_FROM = 64

/** The nodes above the records of one collection. A million records take 5 MB beside themselves. */
export class ExpectedTree {
  readonly #prefix: string
  readonly #records: SortedRecords
  readonly #layers: Uint8Array
  readonly #nodes = new Map<string, Buffer>()

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
    if (from === before) return null
    const isLarge = before - from >= REMEMBERED_FROM
    const name = isLarge ? `${from} ${before} ${layer}` : ''
    const known = isLarge ? this.#nodes.get(name) : undefined
    if (known) return known
    const node = new NodeWriter()
    let start = from
    for (let i = from; i <= before; i++) {
      if (share.isUsedUp) await share.giveWay()
      if (i < before && this.#layers[i] !== layer) continue
      node.between(start < i ? await this.nodeOf(start, i, layer - 1, share) : null)
      if (i < before) node.entry(this.key(i), this.digest(i))
      start = i + 1
    }
    const digest = hash('sha256', node.bytes(), 'buffer')
    if (isLarge) this.#nodes.set(name, digest)
    return digest
  }

  /** Hash of the topmost node of a repo that holds this collection and no other. */
  async rootOf(share: Share): Promise<Buffer> {
    const root = await this.nodeOf(0, this.size, this.topOf(0, this.size), share)
    return root ?? hash('sha256', new NodeWriter().between(null).bytes(), 'buffer')
  }
}

/** Writes `{e: [{k, p, t, v}, …], l}` in DAG-CBOR: `k` what a key adds to the first `p` characters of the one before. */
class NodeWriter {
  readonly #entries: Buffer[] = []
  #count = 0
  #last = ''
  #first: Buffer | null = null
  #open: Buffer | null = null

  /** The node between the last entry and the next one; of the first call, that before all entries. */
  between(digest: Buffer | null): this {
    const link = digest === null ? NONE : Buffer.concat([LINK, digest])
    if (this.#open === null) this.#first = link
    else {
      // `t` comes before `v`, which was there first.
      this.#entries.push(Buffer.from('6174', 'hex'), link, this.#open)
    }
    return this
  }

  entry(key: string, digest: Buffer): void {
    let shared = 0
    while (shared < key.length && key.charCodeAt(shared) === this.#last.charCodeAt(shared)) shared++
    const added = Buffer.from(key.slice(shared), 'latin1')
    const head = [Buffer.from('a4616b', 'hex'), header(2, added.length), added, Buffer.from('6170', 'hex')]
    this.#entries.push(...head, header(0, shared))
    this.#open = Buffer.concat([Buffer.from('6176', 'hex'), LINK, digest])
    this.#last = key
    this.#count++
  }

  bytes(): Buffer {
    const begin = [Buffer.from('a26165', 'hex'), header(4, this.#count)]
    return Buffer.concat([...begin, ...this.#entries, Buffer.from('616c', 'hex'), this.#first ?? NONE])
  }
}

/** Head of a CBOR item (https://www.rfc-editor.org/rfc/rfc8949#section-3). */
function header(major: number, value: number): Buffer {
  const type = major << 5
  if (value < 24) return Buffer.from([type | value])
  if (value < 0x100) return Buffer.from([type | 24, value])
  if (value < 0x10000) return Buffer.from([type | 25, value >> 8, value & 0xff])
  return Buffer.from([type | 26, value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff])
}
