/** Reading a whole repo from its CAR (https://atproto.com/specs/repository). */

import type { Cid } from '@atproto/lex-data'
import { decode } from '@atproto/lex-cbor'
import { type BlockMap, type Commit, MemoryBlockstore, MST, readCarWithRoot, verifyCommitSig } from '@atproto/repo'
import type { RepoSnapshot } from '../ports.ts'

/**
 * Record keys and CIDs of one collection. Every block's hash is checked.
 *
 * @throws when a block is missing or does not have the hash it is named by: never a partial answer
 */
export async function collectionOf(car: Uint8Array, collection: string): Promise<Map<string, string>> {
  const { blocks, commit } = await open(car)
  const leaves = await leavesOf(blocks, commit, collection)
  return new Map(leaves.map(({ rkey, cid }) => [rkey, cid.toString()]))
}

/**
 * A collection with the contents of its records. One that cannot be decoded has no value; one that is missing makes the
 * whole reading fail.
 *
 * @param signingKey `did:key` that has to have signed the commit; null not to look
 * @throws when a block is missing or damaged, or the signature is not of that key
 */
export async function snapshotOf(
  car: Uint8Array,
  collection: string,
  signingKey: string | null,
): Promise<RepoSnapshot> {
  const { blocks, commit } = await open(car)
  if (signingKey !== null && !(await verifyCommitSig(commit, signingKey))) {
    throw new Error('the commit is not signed by the key of its repo')
  }
  const records = new Map<string, { cid: string; value: unknown }>()
  for (const { rkey, cid } of await leavesOf(blocks, commit, collection)) {
    const bytes = blocks.get(cid)
    if (!bytes) throw new Error('a record is missing from the CAR')
    records.set(rkey, { cid: cid.toString(), value: decoded(bytes) })
  }
  return { rev: commit.rev, records }
}

async function open(car: Uint8Array): Promise<{ blocks: BlockMap; commit: Commit }> {
  const { root, blocks } = await readCarWithRoot(car)
  const bytes = blocks.get(root)
  if (!bytes) throw new Error('the commit is missing from the CAR')
  return { blocks, commit: decode<Commit>(bytes) }
}

async function leavesOf(blocks: BlockMap, commit: Commit, collection: string): Promise<{ rkey: string; cid: Cid }[]> {
  const prefix = `${collection}/`
  const leaves = await MST.load(new MemoryBlockstore(blocks), commit.data).listWithPrefix(prefix)
  return leaves.map(({ key, value }) => ({ rkey: key.slice(prefix.length), cid: value }))
}

function decoded(bytes: Uint8Array): unknown {
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}
