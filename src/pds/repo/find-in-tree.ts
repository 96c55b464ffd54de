/** Looks for some keys in the tree of a repo, and fetches no more of it than what is on the way to their places. */

import { descend, type Gap, type TreeSource } from './descent.ts'

/**
 * @param root hash of the topmost node of the repo
 * @param wanted keys (`collection/record key`)
 * @returns hashes of their records; those that the tree does not have are not among them
 * @throws RepoFault when the tree is not one; or what `source` throws
 */
export async function findKeys(
  root: Buffer,
  wanted: readonly string[],
  source: TreeSource,
): Promise<ReadonlyMap<string, Buffer>> {
  const ordered = wanted.toSorted((a, b) => (a < b ? -1 : 1))
  const isWanted = new Set(wanted)
  const found = new Map<string, Buffer>()
  const mayHold = ({ after, before }: Gap): boolean => {
    const first = firstAfter(ordered, after)
    return first !== undefined && first < before
  }
  await descend(root, source, (node) => {
    for (const [i, key] of node.keys.entries()) if (isWanted.has(key)) found.set(key, node.record(i))
    return node.gaps.filter(mayHold)
  })
  return found
}

function firstAfter(ordered: readonly string[], key: string): string | undefined {
  let [low, high] = [0, ordered.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (ordered[middle]! <= key) low = middle + 1
    else high = middle
  }
  return ordered[low]
}
