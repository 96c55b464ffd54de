/** Reading a whole repo from its CAR (https://atproto.com/specs/repository). */

import { hash } from 'node:crypto'
import { fromUint8Array as blocksOf } from '@atcute/car'
import { decode, encode, fromBytes, fromCidLink } from '@atcute/cbor'
import { verifySig } from '@atcute/crypto'
import { type Commit, fromUint8Array as entriesOf, isCommit, type RepoEntry } from '@atcute/repo'
import type { RepoSnapshot } from '../ports/pds.ts'
import type { PublicKey } from './identity.ts'

/**
 * Record keys and CIDs of one collection. Every block's hash is checked.
 *
 * @param did whose repo it has to be
 * @throws when a block is missing or does not have the hash it is named by: never a partial answer
 */
export function collectionOf(car: Uint8Array, did: string, collection: string): Map<string, string> {
  commitOf(car, did)
  const cids = new Map<string, string>()
  for (const { rkey, cid } of recordsOf(car, collection)) cids.set(rkey, cid.$link)
  return cids
}

/**
 * A collection with the contents of its records. One that cannot be decoded has no value; one that is missing makes the
 * whole reading fail.
 *
 * @param did whose repo it has to be
 * @param signingKey what has to have signed the commit; null not to look
 * @throws when a block is missing or damaged, or the signature is not of that key
 */
export async function snapshotOf(
  car: Uint8Array,
  did: string,
  collection: string,
  signingKey: PublicKey | null,
): Promise<RepoSnapshot> {
  const commit = commitOf(car, did)
  if (signingKey !== null) await verify(commit, signingKey)
  const records = new Map<string, { cid: string; value: unknown }>()
  for (const entry of recordsOf(car, collection)) {
    records.set(entry.rkey, { cid: entry.cid.$link, value: valueOf(entry) })
  }
  return { rev: commit.rev, records }
}

/** Checks the hash of every block, which the reader of records leaves to us, and finds the commit among them. */
function commitOf(car: Uint8Array, did: string): Commit {
  const blocks = blocksOf(car)
  const [root, ...more] = blocks.roots.map((link) => fromCidLink(link).bytes)
  let commit: unknown
  for (const { cid, bytes } of blocks) {
    const digest = hash('sha256', bytes, 'buffer')
    if (!digest.equals(cid.digest.contents)) throw new Error('a block of the CAR does not have the hash of its name')
    if (root && Buffer.compare(root, cid.bytes) === 0) commit = decode(bytes)
  }
  if (more.length > 0 || !isCommit(commit)) throw new Error('the CAR has not one commit')
  if (commit.did !== did) throw new Error('the CAR is of another repo')
  return commit
}

function* recordsOf(car: Uint8Array, collection: string): Generator<RepoEntry> {
  for (const entry of entriesOf(car)) {
    if (entry.collection === collection) yield entry
  }
}

/** Of a signature, the rest of the commit is what is signed (https://atproto.com/specs/repository#commit-objects). */
async function verify({ sig, ...unsigned }: Commit, signingKey: PublicKey): Promise<void> {
  const signature = new Uint8Array(fromBytes(sig))
  if (!(await verifySig(signingKey, signature, encode(unsigned)))) {
    throw new Error('the commit is not signed by the key of its repo')
  }
}

function valueOf(entry: RepoEntry): unknown {
  try {
    return entry.record
  } catch {
    return undefined
  }
}
