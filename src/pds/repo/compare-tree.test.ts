import { createHash } from 'node:crypto'
import { encode, toBytes } from '@atcute/cbor'
import { fromString } from '@atcute/cid'
import { MemoryBlockStore, NodeStore, NodeWrangler } from '@atcute/mst'
import { describe, expect, it } from 'vitest'
import { casesOf } from '../../../test/support/cases.ts'
import { type Random, randomFrom } from '../../../test/support/random.ts'
import { cidOfDigest, sortedOf } from '../../../test/support/tree.ts'
import { compareTree } from './compare-tree.ts'
import type { TreeSource } from './descent.ts'
import { ExpectedTree } from './expected-tree.ts'
import { findKeys } from './find-in-tree.ts'
import { Share } from './share.ts'
import { layerOf } from './tree.ts'

const COLLECTION = 'computer.aesthetic.mood'
/** Before it, after it, and such that its name begins as ours does. */
const OTHERS = [
  'app.bsky.feed.like',
  'computer.aesthetic.mood.more',
  'computer.aesthetic.moo',
  'computer.aesthetic.mood2',
  'fm.teal.play',
  'a',
  'z.z',
]
/** Pairs of trees that are compared, a fiftieth of a second each. */
const PAIRS = casesOf('TREE_PAIRS', 400)

const share = () => new Share(new AbortController().signal)
const digestOf = (text: string) => createHash('sha256').update(text).digest()
const rkeyOf = (n: number) => n.toString(36).padStart(13, '2')

/** A repo: the library keeps its tree, and says nothing of what we expect. */
interface Repo {
  readonly root: string | null
  readonly records: ReadonlyMap<string, Buffer>
}

describe('comparing trees', () => {
  const blocks = new MemoryBlockStore()
  const wrangler = new NodeWrangler(new NodeStore(blocks))

  async function changed({ root, records }: Repo, changes: ReadonlyMap<string, Buffer | null>): Promise<Repo> {
    const after = new Map(records)
    let at = root
    for (const [key, digest] of changes) {
      if (digest === null) after.delete(key)
      else after.set(key, digest)
      if (digest === null) at = await wrangler.deleteRecord(at, key)
      else at = await wrangler.putRecord(at, key, { $link: cidOfDigest(digest) })
    }
    return { root: at, records: after }
  }

  function ofCollection({ records }: Repo): Map<string, Buffer> {
    const prefix = `${COLLECTION}/`
    const ours = [...records].filter(([key]) => key.startsWith(prefix))
    return new Map(ours.map(([key, digest]): [string, Buffer] => [key.slice(prefix.length), digest]))
  }

  function newChanges(random: Random, { records }: Repo, count: number, collections: readonly string[]) {
    const keys = [...records.keys()]
    const changes = new Map<string, Buffer | null>()
    for (let i = 0; i < count; i++) {
      const dice = random.next()
      const isNew = keys.length === 0 || dice < 0.4
      const key = isNew ? `${random.pick(collections)}/${rkeyOf(random.below(1_000_000))}` : random.pick(keys)
      const digest = !isNew && dice < 0.7 ? null : digestOf(`${key} ${random.next()}`)
      if (digest !== null || records.has(key)) changes.set(key, digest)
    }
    return changes
  }

  /** A source that hands out what the library has stored. */
  function source(): TreeSource & { fetched: number; rounds: number } {
    return {
      fetched: 0,
      rounds: 0,
      async nodes(digests) {
        this.rounds++
        const found = new Map<string, Buffer>()
        for (const digest of digests) {
          const bytes = await blocks.get(cidOfDigest(digest))
          if (bytes) found.set(digest.toString('hex'), Buffer.from(bytes))
          this.fetched++
        }
        return found
      },
    }
  }

  async function compared(repo: Repo, expected: ReadonlyMap<string, Buffer>) {
    const tree = await ExpectedTree.of(`${COLLECTION}/`, await sortedOf(expected, share()), share())
    const from = source()
    const root = Buffer.from(fromString(repo.root ?? cidOfDigest(await tree.rootOf(share()))).digest.contents)
    const { missing, extra, changed: other } = await compareTree(root, COLLECTION, tree, from, share())
    return { missing: missing.toSorted(), extra: new Map(extra), changed: new Map(other), from }
  }

  /** One record after the other, without any tree. */
  function plainly(there: ReadonlyMap<string, Buffer>, expected: ReadonlyMap<string, Buffer>) {
    const missing = [...expected.keys()].filter((rkey) => !there.has(rkey)).toSorted()
    const extra = new Map([...there].filter(([rkey]) => !expected.has(rkey)))
    const other = new Map(
      [...there].filter(([rkey, digest]) => expected.has(rkey) && !expected.get(rkey)!.equals(digest)),
    )
    return { missing, extra, changed: other }
  }

  /** Some keys that are there, and some that are not, are found as in a list of all. */
  async function expectFound({ root, records }: Repo, random: Random): Promise<void> {
    const keys = [...records.keys()]
    const wanted = Array.from({ length: random.pick([1, 9, 50]) }, () => {
      return random.next() < 0.5 && keys.length > 0
        ? random.pick(keys)
        : `${COLLECTION}/${rkeyOf(random.below(1_000_000))}`
    })
    const found = await findKeys(Buffer.from(fromString(root!).digest.contents), wanted, source())
    const there = new Map(wanted.flatMap((key) => (records.has(key) ? [[key, records.get(key)!] as const] : [])))
    expect(new Set(found.keys())).toEqual(new Set(there.keys()))
    for (const [key, digest] of found) expect(there.get(key)!.equals(digest)).toBe(true)
  }

  it(`finds what a plain comparison finds, in ${PAIRS} pairs of trees`, { timeout: 600_000 }, async () => {
    const random = randomFrom(17)
    const empty: Repo = { root: null, records: new Map() }
    const collections = [[COLLECTION], [COLLECTION, COLLECTION, ...OTHERS], OTHERS]
    const bases = []
    for (const size of [0, 1, 2, 7, 60, 500, 3000]) {
      for (const among of collections) bases.push(await changed(empty, newChanges(random, empty, size, among)))
    }
    let withDifferences = 0
    for (let i = 0; i < PAIRS; i++) {
      const base = random.pick(bases)
      if (base.root === null) continue
      const count = random.pick([0, 1, 2, 10, 200])
      const other = await changed(base, newChanges(random, base, count, random.pick(collections)))
      const [repo, should] = random.next() < 0.5 ? [base, other] : [other, base]
      if (repo.root === null) continue
      const expected = ofCollection(should)
      const { from, ...found } = await compared(repo, expected)
      const plain = plainly(ofCollection(repo), expected)
      expect(new Set(found.extra.keys())).toEqual(new Set(plain.extra.keys()))
      expect(found.missing).toEqual(plain.missing)
      for (const kind of ['extra', 'changed'] as const) {
        for (const [rkey, digest] of found[kind]) expect(plain[kind].get(rkey)?.equals(digest)).toBe(true)
        expect(found[kind].size).toBe(plain[kind].size)
      }
      await expectFound(repo, random)
      if (plain.missing.length + plain.extra.size + plain.changed.size > 0) withDifferences++
      else if (repo.records.size === expected.size) expect(from.fetched).toBe(0)
    }
    expect(withDifferences).toBeGreaterThan(PAIRS / 5)
  })

  it('fetches a level at a time, and only what differs', async () => {
    const empty: Repo = { root: null, records: new Map() }
    const keys = Array.from({ length: 3000 }, (_, i) => `${COLLECTION}/${rkeyOf(i * 7919)}`)
    const all = await changed(empty, new Map(keys.map((key) => [key, digestOf(key)])))
    const one = await changed(all, new Map([[keys[1234]!, digestOf('other')]]))
    const { from, changed: found } = await compared(one, ofCollection(all))
    expect([...found.keys()]).toEqual([keys[1234]!.slice(COLLECTION.length + 1)])
    expect(from.fetched).toBe(from.rounds)
    expect(from.rounds).toBeLessThanOrEqual(8)
  })
})

describe('a tree that is none', () => {
  const keys = Array.from({ length: 400 }, (_, i) => `${COLLECTION}/${rkeyOf(i)}`).toSorted()
  const [low, high] = [keys.filter((key) => layerOf(key) === 0), keys.filter((key) => layerOf(key) === 1)]
  const [first, second] = high as [string, string]
  /** Keys of layer 0, before the first of layer 1 and between the two. */
  const before = low.find((key) => key < first)!
  const between = low.find((key) => key > first && key < second)!

  interface Node {
    readonly l?: Buffer | null
    readonly e: readonly { readonly key: string; readonly t?: Buffer | null }[]
  }

  /** What nodes are compared in, with the nodes that were made. */
  class Hostile implements TreeSource {
    readonly made = new Map<string, Buffer>()

    node({ l = null, e }: Node): Buffer {
      let last = ''
      const entries = e.map(({ key, t = null }) => {
        let p = 0
        while (p < last.length && key[p] === last[p]) p++
        last = key
        return { k: toBytes(Buffer.from(key.slice(p))), p, t: linkOf(t), v: linkOf(digestOf(key)) }
      })
      const bytes = Buffer.from(encode({ e: entries, l: linkOf(l) }))
      const digest = createHash('sha256').update(bytes).digest()
      this.made.set(digest.toString('hex'), bytes)
      return digest
    }

    nodes(): Promise<ReadonlyMap<string, Buffer>> {
      return Promise.resolve(this.made)
    }
  }

  const linkOf = (digest: Buffer | null) => (digest === null ? null : { $link: cidOfDigest(digest) })

  async function faultOf(make: (hostile: Hostile) => Buffer): Promise<unknown> {
    const hostile = new Hostile()
    const root = make(hostile)
    const expected = await ExpectedTree.of(`${COLLECTION}/`, await sortedOf([], share()), share())
    return compareTree(root, COLLECTION, expected, hostile, share()).then(
      ({ extra }) => [...extra.keys()],
      (error: unknown) => (error as { code?: unknown }).code ?? error,
    )
  }

  it('is told by what is wrong with it, and a right one is read', async () => {
    const leaf = (node: Node) => (hostile: Hostile) => hostile.node({ l: hostile.node(node), e: [{ key: first }] })
    const rkeys = [before, first].map((key) => key.slice(COLLECTION.length + 1))
    expect(((await faultOf(leaf({ e: [{ key: before }] }))) as string[]).toSorted()).toEqual(rkeys)
    expect(await faultOf(leaf({ e: [] }))).toBe('TreeNodeMalformed')
    expect(await faultOf(leaf({ e: [{ key: between }] }))).toBe('TreeKeyOutside')
    // Of another layer than its node.
    expect(await faultOf((hostile) => hostile.node({ e: [{ key: before }, { key: first }] }))).toBe('TreeKeyLevel')
    expect(await faultOf(leaf({ l: digestOf('below the lowest layer'), e: [{ key: before }] }))).toBe('TreeTooDeep')
    expect(await faultOf(() => digestOf('nowhere'))).toBe('TreeBlockMissing')
    const twice = (hostile: Hostile): Buffer => {
      const again = hostile.node({ e: [{ key: between }] })
      return hostile.node({
        e: [
          { key: first, t: again },
          { key: second, t: again },
        ],
      })
    }
    expect(await faultOf(twice)).toMatch(/^(TreeNodeTwice|TreeKeyOutside)$/)
    // A topmost node has keys, or the repo has none.
    expect(await faultOf((hostile) => hostile.node({ l: hostile.node({ e: [{ key: before }] }), e: [] }))).toBe(
      'TreeNodeMalformed',
    )
    expect(await faultOf((hostile) => hostile.node({ e: [] }))).toEqual([])
  })
})
