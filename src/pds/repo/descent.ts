/** Going down the tree of a repo level by level, where each node is fetched only if it has to be looked into. */

import { RepoFault } from '../../domain/repo-faults.ts'
import { layerOf, nodeIn, type TreeNode } from './tree.ts'

/** Blocks of a repo by their hashes, as hexadecimal digits. */
export type Blocks = ReadonlyMap<string, Buffer>

export interface TreeSource {
  /**
   * Fetches nodes, all of a level at once.
   *
   * @throws whatever is to end the descent: what was not read to the end is not known
   */
  nodes(digests: readonly Buffer[]): Promise<Blocks>
}

/** A subtree that has to be looked into: of the keys between two, neither included. */
interface Subtree {
  readonly digest: Buffer
  readonly after: string
  readonly before: string
  /** Null at the top, whose layer is that of its keys. */
  readonly layer: number | null
}

/** What stands between two keys of a node that follow each other, or beside its first or last one. */
export interface Gap {
  readonly after: string
  readonly before: string
  /** The top of the subtree that is there; null for none. */
  readonly digest: Buffer | null
  /** Its layer. */
  readonly layer: number
}

/** A node whose every key stands where it belongs. */
export interface LayerNode {
  readonly keys: readonly string[]
  /** Hash of the record of a key, by the key's number. */
  record(i: number): Buffer
  /** One before each key, and one after the last. */
  readonly gaps: readonly Gap[]
}

const LOWEST = ''
const HIGHEST = '\uFFFF'
const DIGEST = 32

/**
 * Goes down from the top. Nobody can send it round in circles, or to one node from two places: its keys would be outside of one
 * of the two intervals, and a node without keys leads to one other node, a layer below.
 *
 * @param root hash of the topmost node
 * @param look told each node that was fetched; @returns the gaps below it that have to be looked into
 * @throws RepoFault when the tree is not one; or what `source` and `look` throw
 */
export async function descend(
  root: Buffer,
  source: TreeSource,
  look: (node: LayerNode) => Promise<readonly Gap[]> | readonly Gap[],
): Promise<void> {
  let level: readonly Subtree[] = [{ digest: root, after: LOWEST, before: HIGHEST, layer: null }]
  while (level.length > 0) {
    const blocks = await source.nodes(level.map(({ digest }) => digest))
    const next: Subtree[] = []
    for (const subtree of level) {
      const block = blocks.get(subtree.digest.toString('hex'))
      if (block === undefined) throw new RepoFault('TreeBlockMissing')
      for (const gap of await look(checked(nodeIn(block), subtree))) {
        if (gap.digest !== null) next.push({ ...gap, digest: gap.digest })
      }
    }
    level = next
  }
}

function checked({ bytes, keys, values, between }: TreeNode, { after, before, layer }: Subtree): LayerNode {
  // An empty node is a whole tree, and a part of none; the topmost node of any other has keys.
  if (keys.length === 0 && (layer === null) !== (between[0] === -1)) throw new RepoFault('TreeNodeMalformed')
  const own = layer ?? (keys.length > 0 ? layerOf(keys[0]!) : 0)
  // A node has its keys in order.
  if (keys.length > 0 && (keys[0]! <= after || keys.at(-1)! >= before)) throw new RepoFault('TreeKeyOutside')
  for (const key of keys) if (layerOf(key) !== own) throw new RepoFault('TreeKeyLevel')
  const gaps = between.map((link, i): Gap => {
    if (link >= 0 && own === 0) throw new RepoFault('TreeTooDeep')
    const digest = link < 0 ? null : bytes.subarray(link, link + DIGEST)
    return { after: keys[i - 1] ?? after, before: keys[i] ?? before, digest, layer: own - 1 }
  })
  return { keys, record: (i) => bytes.subarray(values[i], values[i]! + DIGEST), gaps }
}
