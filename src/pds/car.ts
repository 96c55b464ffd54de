/** Reading a whole repo from its CAR (https://atproto.com/specs/repository). */

import { decode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex'
import { MemoryBlockstore, MST, readCarWithRoot } from '@atproto/repo'

/**
 * Record keys and CIDs of one collection. Every block's hash is checked.
 *
 * @throws when a block is missing or does not have the hash it is named by: never a partial answer
 */
export async function collectionOf(car: Uint8Array, collection: string): Promise<Map<string, string>> {
  const { root, blocks } = await readCarWithRoot(car)
  const commit = blocks.get(root)
  if (!commit) throw new Error('the commit is missing from the CAR')
  const { data } = decode<{ data: Cid }>(commit)
  const prefix = `${collection}/`
  const leaves = await MST.load(new MemoryBlockstore(blocks), data).listWithPrefix(prefix)
  return new Map(leaves.map((leaf) => [leaf.key.slice(prefix.length), leaf.value.toString()]))
}
