/** What a CAR says about a repo: all of it, or one record (https://atproto.com/specs/repository). */

import { encode, fromBytes, fromCidLink } from '@atcute/cbor'
import { CODEC_DCBOR, fromDigest, fromString, toString } from '@atcute/cid'
import { verifySig } from '@atcute/crypto'
import { type Commit, isCommit } from '@atcute/repo'
import type { AuditedRecord } from '../../domain/audit.ts'
import { RepoFault } from '../../domain/repo-faults.ts'
import type { BlockTable } from './block-table.ts'
import type { Car } from './car.ts'
import { decodeBlock } from './dag-cbor.ts'
import type { PublicKey } from '../identity.ts'
import type { Share } from './share.ts'
import { findInTree, walkTree } from './tree.ts'

/** A larger record is no mood: it is as good as one that cannot be decoded. */
const MAX_VALUE = 100_000

/** The commit of a CAR. */
export interface CarCommit {
  readonly rev: string
  readonly cid: string
}

/**
 * Reads a collection of a repo, and walks its whole tree: every record of every collection is there.
 *
 * @param did whose repo it has to be
 * @param signingKey what has to have signed the commit; null not to look
 * @param see told each record of the collection, in the order of their keys
 * @throws RepoFault never a partial answer, whatever `see` was told before
 */
export async function collectionIn(
  { root, blocks }: Car,
  { did, collection }: { readonly did: string; readonly collection: string },
  signingKey: PublicKey | null,
  share: Share,
  see: (rkey: string, digest: Buffer, record: () => AuditedRecord) => void,
): Promise<CarCommit> {
  const commit = commitIn(blocks, root, did)
  if (signingKey !== null) await verify(commit, signingKey)
  const prefix = `${collection}/`
  let bytes = 0
  await walkTree(blocks, topOf(blocks, commit), share, (key, block) => {
    if (!key.startsWith(prefix)) return
    bytes += blocks.length(block)
    // However few blocks there are, a tree may refer to a large one again and again.
    if (bytes > blocks.limits.bytes) throw new RepoFault('CarTooLarge')
    see(key.slice(prefix.length), blocks.digest(block), () => new CarRecord(blocks, block))
  })
  return { rev: commit.rev, cid: cidOfDigest(root) }
}

/** What a proof shows of one record. */
export interface Proven {
  /** Null when there is no such record. */
  readonly cid: string | null
  /** Revision at which that is so. */
  readonly rev: string
}

/**
 * CID of one record, by a proof: the commit, and the nodes on the way to its key.
 *
 * @param key `collection/record key`
 * @throws RepoFault when it shows neither a record nor that there is none
 */
export function provenIn({ root, blocks }: Car, did: string, key: string): Proven {
  const commit = commitIn(blocks, root, did)
  const digest = findInTree(blocks, topOf(blocks, commit), key)
  return { cid: digest === null ? null : cidOfDigest(digest), rev: commit.rev }
}

/** A record as it stands in the CAR. It is decoded when it is looked at: content of others may take a hundred times its bytes. */
class CarRecord implements AuditedRecord {
  readonly #blocks: BlockTable
  readonly #block: number

  constructor(blocks: BlockTable, block: number) {
    this.#blocks = blocks
    this.#block = block
  }

  get cid(): string {
    return cidOfDigest(this.#blocks.digest(this.#block))
  }

  get value(): unknown {
    if (this.#blocks.length(this.#block) > MAX_VALUE) return undefined
    return valueFrom(this.#blocks.bytes(this.#block))
  }
}

/** What the block of a record says; undefined where it cannot be decoded, or is larger than any mood. */
export function valueFrom(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_VALUE) return undefined
  try {
    return decodeBlock(bytes)
  } catch {
    return undefined
  }
}

export function cidOfDigest(digest: Uint8Array): string {
  return toString(fromDigest(CODEC_DCBOR, digest))
}

export function digestOf(cid: string): Buffer {
  return Buffer.from(fromString(cid).digest.contents)
}

function commitIn(blocks: BlockTable, root: Buffer, did: string): Commit {
  const block = blocks.find(root)
  return commitFrom(block < 0 ? null : blocks.bytes(block), did)
}

/**
 * The commit of a repo.
 *
 * @param bytes its block; null where that was not sent
 * @throws RepoFault when it is none, or of another repo
 */
export function commitFrom(bytes: Uint8Array | null, did: string): Commit {
  let commit: unknown
  try {
    if (bytes !== null) commit = decodeBlock(bytes)
  } catch {
    throw new RepoFault('CarNoCommit')
  }
  if (!isCommit(commit) || !isTid(commit.rev)) throw new RepoFault('CarNoCommit')
  if (commit.did !== did) throw new RepoFault('CarAnotherRepo')
  return commit
}

/** Revisions are timestamps (https://atproto.com/specs/tid). */
export function isTid(text: string): boolean {
  return /^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$/.test(text)
}

/** Block number of the topmost node of the tree. */
function topOf(blocks: BlockTable, commit: Commit): number {
  return blocks.find(rootOf(commit))
}

/** Hash of the topmost node of the tree. */
export function rootOf({ data }: Commit): Buffer {
  const cid = fromCidLink(data)
  if (cid.codec !== CODEC_DCBOR) throw new RepoFault('TreeForeignCid')
  return Buffer.from(cid.digest.contents)
}

/** Of a signature, the rest of the commit is what is signed (https://atproto.com/specs/repository#commit-objects). */
export async function verify({ sig, ...unsigned }: Commit, signingKey: PublicKey): Promise<void> {
  // A signature of another length is refused by an exception.
  const isSigned = verifySig(signingKey, new Uint8Array(fromBytes(sig)), encode(unsigned)).catch(() => false)
  if (!(await isSigned)) throw new RepoFault('CarWrongSignature')
}
