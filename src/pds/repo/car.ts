/** Reading a CAR as it arrives (https://ipld.io/specs/transport/car/carv1/): each block is checked against its name at once. */

import { isCarV1Header } from '@atcute/car'
import { fromCidLink } from '@atcute/cbor'
import { RepoFault } from '../../domain/repo-faults.ts'
import { sha256 } from '../../domain/sha256.ts'
import { BlockTable, type RepoLimits } from './block-table.ts'
import { decodeBlock } from './dag-cbor.ts'
import type { Share } from './share.ts'

/** The largest block: a record or a node has at most a megabyte (https://atproto.com/specs/data-model). */
const MAX_BLOCK = 2_000_000
const MAX_HEADER = 10_000
const FIRST_BUFFER = 16_384
/** Bytes of a name: version, codec, hash function, length of the hash, and the hash. */
const CID = 36
/** From so many bytes on, a repo is a large one. */
const LARGE = 4_000_000

/** A CAR that has arrived whole. */
export interface Car {
  /** Hash of the one root. */
  readonly root: Buffer
  readonly blocks: BlockTable
}

/**
 * Reads a CAR to its end.
 *
 * @throws RepoFault when it is damaged, or more than `limits` allow; whatever the stream throws
 */
export async function readCar(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: RepoLimits,
  share: Share,
  table = new BlockTable(limits),
): Promise<Car> {
  const { roots, blocks } = await readAll(chunks, table, share, true)
  return { root: roots[0]!, blocks }
}

/**
 * Reads a CAR to its end, however many roots it names.
 *
 * @throws as {@link readCar}
 */
export async function readBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: RepoLimits,
  share: Share,
): Promise<BlockTable> {
  return (await readAll(chunks, new BlockTable(limits), share, false)).blocks
}

async function readAll(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  blocks: BlockTable,
  share: Share,
  isRepo: boolean,
): Promise<{ readonly roots: readonly Buffer[]; readonly blocks: BlockTable }> {
  const { limits } = blocks
  const parser = new CarParser(blocks, isRepo)
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length
      if (bytes > limits.bytes) throw new RepoFault('CarTooLarge')
      parser.push(chunk)
      while (parser.step()) if (share.isUsedUp) await share.giveWay()
      if (bytes > LARGE) await share.takePlace()
      await blocks.spill()
    }
    return { roots: parser.end(), blocks }
  } catch (error) {
    blocks[Symbol.dispose]()
    throw error
  }
}

/** Takes a CAR apart, chunk by chunk. */
class CarParser {
  readonly #blocks: BlockTable
  readonly #isRepo: boolean
  /** What has arrived and is not read yet stands from `#at` to `#end`. */
  #buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER)
  #at = 0
  #end = 0
  #roots: readonly Buffer[] | null = null

  /** @param isRepo it has to have one root */
  constructor(blocks: BlockTable, isRepo: boolean) {
    this.#blocks = blocks
    this.#isRepo = isRepo
  }

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) {
      const unread = this.#buffer.subarray(this.#at, this.#end)
      // Twice what is needed, so that a block that arrives byte by byte is not copied for each of them.
      const isRoomy = (unread.length + chunk.length) * 2 <= this.#buffer.length
      const buffer = isRoomy ? this.#buffer : Buffer.allocUnsafeSlow((unread.length + chunk.length) * 2)
      unread.copy(buffer)
      ;[this.#buffer, this.#at, this.#end] = [buffer, 0, unread.length]
    }
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /** Reads the header, or one block. @returns false when more has to arrive first */
  step(): boolean {
    const part = this.#part()
    if (part === null) return false
    if (this.#roots === null) {
      this.#roots = rootsIn(part)
      if (this.#isRepo && this.#roots.length !== 1) throw new RepoFault('CarNotOneRoot')
    } else this.#keep(part)
    return true
  }

  /** The next part, which has its length before it; null where it has not arrived whole. */
  #part(): Buffer | null {
    let length = 0
    let at = this.#at
    for (let scale = 1; ; scale *= 128) {
      if (at === this.#end) return null
      if (scale > 2 ** 35) throw new RepoFault('CarMalformed')
      const byte = this.#buffer[at++]!
      length += (byte & 127) * scale
      if (byte < 128) break
    }
    if (this.#roots === null ? length > MAX_HEADER : length <= CID) throw new RepoFault('CarMalformed')
    if (length > MAX_BLOCK) throw new RepoFault('CarBlockTooLarge')
    if (length > this.#end - at) return null
    this.#at = at + length
    return this.#buffer.subarray(at, this.#at)
  }

  #keep(part: Buffer): void {
    // Version 1; DAG-CBOR or raw; SHA-256 of 32 bytes.
    const isKnown = part[0] === 1 && (part[1] === 0x71 || part[1] === 0x55) && part[2] === 0x12 && part[3] === 32
    if (!isKnown) throw new RepoFault('CarForeignCid')
    const bytes = part.subarray(CID)
    const digest = sha256(bytes)
    if (digest.compare(part, 4, CID) !== 0) throw new RepoFault('CarWrongHash')
    this.#blocks.add(digest, bytes)
  }

  /** @returns hashes of the roots */
  end(): readonly Buffer[] {
    if (this.#roots === null) throw new RepoFault('CarMalformed')
    if (this.#end > this.#at) throw new RepoFault('CarCutShort')
    return this.#roots
  }
}

function rootsIn(header: Buffer): readonly Buffer[] {
  let decoded: unknown
  try {
    decoded = decodeBlock(header)
  } catch {
    throw new RepoFault('CarMalformed')
  }
  if (!isCarV1Header(decoded)) throw new RepoFault('CarMalformed')
  return decoded.roots.map((root) => Buffer.from(fromCidLink(root).bytes.subarray(CID - 32)))
}
