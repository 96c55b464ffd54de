/** The blocks of one CAR, found by their hash: compact in memory, and on disk where there are very many bytes. */

import { closeSync, openSync, readSync, rmSync, write } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { RepoFault } from '../../domain/repo-faults.ts'

/** What a repo may hold. */
export interface RepoLimits {
  /** Bytes of its CAR. */
  readonly bytes: number
  readonly blocks: number
}

/**
 * Limits of a repo of this size. A mood of some length takes a block of 180 bytes and a quarter of a node of 400: a million
 * of them are 280 MB in 1.25 million blocks.
 *
 * @param megabytes of 1,000,000 bytes each
 */
export function limitsOf(megabytes: number): RepoLimits {
  return { bytes: megabytes * 1_000_000, blocks: megabytes * 6_000 }
}

/** The default of PDS_MAX_REPO_MB: about a million moods. */
export const DEFAULT_REPO_MB = 300

const DIGEST = 32
const FIRST_SLAB = 16_384
const SLAB = 4 * 1024 * 1024
/** More than this of one CAR is moved to a file, so that a large one costs no memory. */
const IN_MEMORY = 48 * 1024 * 1024

const writeAt = promisify(write)
/** A reading may be kept for as long as somebody looks at its records: its file goes with it. */
const files = new FinalizationRegistry<number>(closeSync)

export class BlockTable implements Disposable {
  readonly limits: RepoLimits
  readonly #inMemory: number
  #count = 0
  /** By block number: hash, slab, offset there, length. */
  #digests = Buffer.allocUnsafeSlow(256 * DIGEST)
  #slabOf = new Uint16Array(256)
  #offsets = new Uint32Array(256)
  #lengths = new Uint32Array(256)
  /** Block numbers plus one, at the place that their hash gives, or the next free one; a power of two of them. */
  #slots = new Uint32Array(512)
  /** Bytes of the blocks; null for a slab that is in the file. */
  readonly #slabs: (Buffer | null)[] = [Buffer.allocUnsafeSlow(FIRST_SLAB)]
  /** Where each slab begins in the file. */
  readonly #filed: number[] = []
  #used = 0
  #held = FIRST_SLAB
  /** Undefined before there is one; null where there can be none. */
  #file: number | null | undefined
  #fileEnd = 0

  /** @param inMemory bytes of blocks from which on they are moved to a file */
  constructor(limits: RepoLimits, inMemory = IN_MEMORY) {
    this.limits = limits
    this.#inMemory = inMemory
  }

  get size(): number {
    return this.#count
  }

  /** Keeps a copy of a block, unless it is here already. @param digest SHA-256 of `bytes` */
  add(digest: Buffer, bytes: Buffer): void {
    if (this.find(digest) >= 0) return
    if (this.#count >= this.limits.blocks) throw new RepoFault('CarTooManyBlocks')
    if (this.#count === this.#offsets.length) this.#grow()
    const slab = this.#roomFor(bytes.length)
    const block = this.#count++
    bytes.copy(slab, this.#used)
    digest.copy(this.#digests, block * DIGEST)
    this.#slabOf[block] = this.#slabs.length - 1
    this.#offsets[block] = this.#used
    this.#lengths[block] = bytes.length
    this.#used += bytes.length
    this.#slots[this.#slotOf(digest, 0)] = block + 1
  }

  /** The number of a block; -1 when it is not here. @param at where its hash begins in `source` */
  find(source: Buffer, at = 0): number {
    return this.#slots[this.#slotOf(source, at)]! - 1
  }

  digest(block: number): Buffer {
    return this.#digests.subarray(block * DIGEST, (block + 1) * DIGEST)
  }

  length(block: number): number {
    return this.#lengths[block]!
  }

  bytes(block: number): Buffer {
    const [slab, offset, length] = [this.#slabOf[block]!, this.#offsets[block]!, this.#lengths[block]!]
    const held = this.#slabs[slab]
    if (held) return held.subarray(offset, offset + length)
    const copy = Buffer.allocUnsafe(length)
    readSync(this.#file!, copy, 0, length, this.#filed[slab]! + offset)
    return copy
  }

  /** Moves what is complete to a file, once there is much of it. Where no file can be made, it stays in memory. */
  async spill(): Promise<void> {
    if (this.#held <= this.#inMemory || this.#file === null) return
    if (this.#file === undefined) {
      this.#file = fileWithoutName()
      if (this.#file !== null) files.register(this, this.#file, this)
    }
    if (this.#file === null) return
    for (const [i, slab] of this.#slabs.entries()) {
      if (slab === null || i === this.#slabs.length - 1) continue
      await writeAt(this.#file, slab, 0, slab.length, this.#fileEnd)
      this.#filed[i] = this.#fileEnd
      this.#fileEnd += slab.length
      this.#held -= slab.length
      this.#slabs[i] = null
    }
  }

  /** The slot of this hash: its own, or the free one where it would be put. */
  #slotOf(source: Buffer, at: number): number {
    const mask = this.#slots.length - 1
    for (let slot = source.readUInt32LE(at) & mask; ; slot = (slot + 1) & mask) {
      const block = this.#slots[slot]! - 1
      const start = block * DIGEST
      if (block < 0 || source.compare(this.#digests, start, start + DIGEST, at, at + DIGEST) === 0) return slot
    }
  }

  #grow(): void {
    const capacity = this.#offsets.length * 2
    const digests = Buffer.allocUnsafeSlow(capacity * DIGEST)
    this.#digests.copy(digests)
    this.#digests = digests
    this.#slabOf = grown(this.#slabOf, new Uint16Array(capacity))
    this.#offsets = grown(this.#offsets, new Uint32Array(capacity))
    this.#lengths = grown(this.#lengths, new Uint32Array(capacity))
    this.#slots = new Uint32Array(capacity * 2)
    for (let block = 0; block < this.#count; block++) {
      this.#slots[this.#slotOf(this.#digests, block * DIGEST)] = block + 1
    }
  }

  /** The last slab, with room for a block. */
  #roomFor(length: number): Buffer {
    const last = this.#slabs.at(-1)!
    if (last !== null && this.#used + length <= last.length) return last
    const slab = Buffer.allocUnsafeSlow(Math.max(Math.min(this.#held, SLAB), length))
    this.#slabs.push(slab)
    this.#held += slab.length
    this.#used = 0
    return slab
  }

  [Symbol.dispose](): void {
    if (typeof this.#file !== 'number') return
    files.unregister(this)
    closeSync(this.#file)
    this.#file = null
  }
}

function grown<T extends Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** A file that only this process can reach, and that ends with it; null where there is no room for one. */
function fileWithoutName(): number | null {
  const path = join(tmpdir(), `moods-${randomUUID()}.car`)
  try {
    const file = openSync(path, 'wx+', 0o600)
    rmSync(path)
    return file
  } catch {
    return null
  }
}
