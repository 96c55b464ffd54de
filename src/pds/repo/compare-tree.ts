/**
 * Compares the tree of a repo with the one that it should have, level by level: a subtree whose hash is the expected one is
 * equal, however many records are below, so only what differs is fetched. Other collections of the repo are passed over.
 */

import { descend, type Gap, type LayerNode, type TreeSource } from './descent.ts'
import type { ExpectedTree } from './expected-tree.ts'
import type { Share } from './share.ts'

/** What a repo holds instead of what it should. Record keys; with the hash of the record that is there. */
export interface TreeDifferences {
  readonly missing: readonly string[]
  readonly extra: ReadonlyMap<string, Buffer>
  readonly changed: ReadonlyMap<string, Buffer>
}

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
  const comparison = new Differences(collection, expected, share)
  if (!root.equals(await expected.rootOf(share))) await descend(root, source, (node) => comparison.look(node))
  return comparison
}

class Differences implements TreeDifferences {
  readonly missing: string[] = []
  readonly extra = new Map<string, Buffer>()
  readonly changed = new Map<string, Buffer>()
  readonly #first: string
  readonly #end: string
  readonly #expected: ExpectedTree
  readonly #share: Share

  constructor(collection: string, expected: ExpectedTree, share: Share) {
    this.#first = `${collection}/`
    // The character after the slash: the first key of whatever comes behind the collection.
    this.#end = `${collection}0`
    this.#expected = expected
    this.#share = share
  }

  /** Compares the keys of one node. @returns what below it has to be looked into */
  async look(node: LayerNode): Promise<readonly Gap[]> {
    for (const [i, key] of node.keys.entries()) this.#key(key, node.record(i))
    const open: Gap[] = []
    for (const gap of node.gaps) {
      if (this.#share.isUsedUp) await this.#share.giveWay()
      if (await this.#differs(gap)) open.push(gap)
    }
    return open
  }

  /** One record of the repo. */
  #key(key: string, digest: Buffer): void {
    if (key < this.#first || key >= this.#end) return
    const place = this.#expected.placeOf(key)
    const rkey = key.slice(this.#first.length)
    if (place === this.#expected.size || this.#expected.rkey(place) !== rkey) this.extra.set(rkey, digest)
    else if (!this.#expected.digest(place).equals(digest)) this.changed.set(rkey, digest)
  }

  /** Whether what is below a node has to be looked into. */
  async #differs({ after, before, digest, layer }: Gap): Promise<boolean> {
    if (before <= this.#first || after >= this.#end) return false
    const expected = this.#expected
    const to = expected.placeOf(before)
    let from = expected.placeOf(after)
    if (from < to && expected.key(from) === after) from++
    if (digest === null) {
      for (let i = from; i < to; i++) this.missing.push(expected.rkey(i))
      return false
    }
    // A hash that is the expected one shows as well that no key of another collection stands there.
    if (from === to || expected.topOf(from, to) > layer) return true
    return !(await expected.nodeOf(from, to, layer, this.#share))!.equals(digest)
  }
}
