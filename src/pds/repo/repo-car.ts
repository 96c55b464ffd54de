/** What a CAR says about a repo: all of it, or one record (https://atproto.com/specs/repository). */

import { encode, fromBytes, fromCidLink } from '@atcute/cbor'
import { CODEC_DCBOR, fromDigest, toString } from '@atcute/cid'
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

/** A collection of a repo, at one revision. */
export interface CarCollection {
  readonly rev: string
  /** CID of its commit. */
  readonly commit: string
  /** Whether its signature was checked. */
  readonly signed: boolean
  readonly records: ReadonlyMap<string, AuditedRecord>
}

/**
 * A collection of a repo, after its whole tree has been walked: every record of every collection is there.
 *
 * @param did whose repo it has to be
 * @param signingKey what has to have signed the commit; null not to look
 * @throws RepoFault never a partial answer
 */
export async function collectionIn(
  { root, blocks }: Car,
  { did, collection }: { readonly did: string; readonly collection: string },
  signingKey: PublicKey | null,
  share: Share,
): Promise<CarCollection> {
  const commit = commitIn(blocks, root, did)
  if (signingKey !== null) await verify(commit, signingKey)
  const records = new Map<string, AuditedRecord>()
  const prefix = `${collection}/`
  let bytes = 0
  await walkTree(blocks, topOf(blocks, commit), share, (key, block) => {
    if (!key.startsWith(prefix)) return
    bytes += blocks.length(block)
    // However few blocks there are, a tree may refer to a large one again and again.
    if (bytes > blocks.limits.bytes) throw new RepoFault('CarTooLarge')
    records.set(key.slice(prefix.length), new CarRecord(blocks, block))
  })
  return { rev: commit.rev, commit: cidOfDigest(root), signed: signingKey !== null, records }
}

/**
 * CID of one record, by a proof: the commit, and the nodes on the way to its key.
 *
 * @param key `collection/record key`
 * @returns null when the proof shows that there is no such record
 * @throws RepoFault when it shows neither
 */
export function provenIn({ root, blocks }: Car, did: string, key: string): string | null {
  const digest = findInTree(blocks, topOf(blocks, commitIn(blocks, root, did)), key)
  return digest === null ? null : cidOfDigest(digest)
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
