/**
 * Compares the tree of a repo with the one that it should have, level by level: a subtree whose hash is the expected one is
 * equal, however many records are below, so only what differs is fetched. Other collections of the repo are passed over.
 */

import { RepoFault } from '../../domain/repo-faults.ts'
import { type ExpectedTree, layerOf } from './expected-tree.ts'
import type { Share } from './share.ts'
import { nodeIn } from './tree.ts'

/** What a repo holds instead of what it should. Record keys; with the hash of the record that is there. */
export interface TreeDifferences {
  readonly missing: readonly string[]
  readonly extra: ReadonlyMap<string, Buffer>
  readonly changed: ReadonlyMap<string, Buffer>
}

/** Blocks of a repo by their hashes, as hexadecimal digits. */
export type Blocks = ReadonlyMap<string, Buffer>

export interface TreeSource {
  /**
   * Fetches nodes, all of a level at once.
   *
   * @throws whatever is to end the comparison: what was not read to the end is not known
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

const LOWEST = ''
const HIGHEST = '\uFFFF'
const DIGEST = 32

/**
 * @param root hash of the topmost node of the repo
 * @throws RepoFault when the tree is not one; or what `source` throws
 */
export async function compareTree(
  root: Buffer,
  collection: string,
  expected: ExpectedTree,
  source: TreeSource,
  share: Share,
): Promise<TreeDifferences> {
  const comparison = new Comparison(collection, expected, share)
  if (root.equals(await expected.rootOf(share))) return comparison
  let level: readonly Subtree[] = [{ digest: root, after: LOWEST, before: HIGHEST, layer: null }]
  while (level.length > 0) {
    const blocks = await source.nodes(level.map(({ digest }) => digest))
    const next: Subtree[] = []
    for (const subtree of level) next.push(...(await comparison.look(subtree, blocks)))
    level = next
  }
  return comparison
}

class Comparison implements TreeDifferences {
  readonly missing: string[] = []
  readonly extra = new Map<string, Buffer>()
  readonly changed = new Map<string, Buffer>()
  readonly #first: string
  readonly #end: string
  readonly #expected: ExpectedTree
  readonly #share: Share
  readonly #seen = new Set<string>()

  constructor(collection: string, expected: ExpectedTree, share: Share) {
    this.#first = `${collection}/`
    // The character after the slash: the first key of whatever comes behind the collection.
    this.#end = `${collection}0`
    this.#expected = expected
    this.#share = share
  }

  /** Compares the keys of one node. @returns the subtrees below it that have to be looked into */
  async look({ digest, after, before, layer }: Subtree, blocks: Blocks): Promise<Subtree[]> {
    const name = digest.toString('hex')
    const block = blocks.get(name)
    if (block === undefined) throw new RepoFault('TreeBlockMissing')
    if (this.#seen.has(name)) throw new RepoFault('TreeNodeTwice')
    this.#seen.add(name)
    const { bytes, keys, values, between } = nodeIn(block)
    const isTop = layer === null
    const ownLayer = layer ?? (keys.length > 0 ? layerOf(keys[0]!) : 0)
    if (keys.length === 0 && isTop !== (between[0] === -1)) throw new RepoFault('TreeNodeMalformed')
    const below: Subtree[] = []
    let last = after
    for (const [i, link] of between.entries()) {
      if (this.#share.isUsedUp) await this.#share.giveWay()
      const key = keys[i] ?? before
      if (i < keys.length) {
        if (key <= last || key >= before) throw new RepoFault('TreeKeyOutside')
        if (layerOf(key) !== ownLayer) throw new RepoFault('TreeKeyOutside')
      }
      const hash = link < 0 ? null : bytes.subarray(link, link + DIGEST)
      if (hash !== null && ownLayer === 0) throw new RepoFault('TreeTooDeep')
      const subtree = await this.#between(last, key, hash, ownLayer - 1)
      if (subtree) below.push(subtree)
      if (i < keys.length) this.#key(key, bytes.subarray(values[i], values[i]! + DIGEST))
      last = key
    }
    return below
  }

  /** One record of the repo. */
  #key(key: string, digest: Buffer): void {
    if (key < this.#first || key >= this.#end) return
    const place = this.#expected.placeOf(key)
    const rkey = key.slice(this.#first.length)
    if (place === this.#expected.size || this.#expected.rkey(place) !== rkey) this.extra.set(rkey, digest)
    else if (!this.#expected.digest(place).equals(digest)) this.changed.set(rkey, digest)
  }

  /** What stands between two keys of a node. @returns null when it need not be looked into */
  async #between(after: string, before: string, digest: Buffer | null, layer: number): Promise<Subtree | null> {
    if (before <= this.#first || after >= this.#end) return null
    const expected = this.#expected
    const to = expected.placeOf(before)
    let from = expected.placeOf(after)
    if (from < to && expected.key(from) === after) from++
    if (digest === null) {
      for (let i = from; i < to; i++) this.missing.push(expected.rkey(i))
      return null
    }
    // A hash that is the expected one shows as well that no key of another collection stands there.
    if (from < to && expected.topOf(from, to) <= layer) {
      if ((await expected.nodeOf(from, to, layer, this.#share))?.equals(digest)) return null
    }
    return { digest, after, before, layer }
  }
}
