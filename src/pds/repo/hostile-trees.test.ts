/** Repos as an enemy would send them: what is wrong is named, or read in another way; never is it taken for what the repo holds. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Block, partOf, rawBlock } from '../../../test/support/car.ts'
import { casesOf } from '../../../test/support/cases.ts'
import { draftOf, NO_NODES, nodesOf, recordAt, SPOILT, written } from '../../../test/support/hostile-trees.ts'
import { randomFrom } from '../../../test/support/random.ts'
import { type Served, ServedRepo } from '../../../test/support/served-repo.ts'
import { cidOfDigest } from '../../../test/support/tree.ts'
import { ExpectedRecords } from '../../domain/expected.ts'

const COLLECTION = 'computer.aesthetic.mood'
/** Trees that are spoilt in each way. */
const TREES = casesOf('HOSTILE_TREES', 2)
/** The most that any of them may make us ask for. */
const BOUNDS = { requests: 40, bytes: 10_000_000 }

const keys = Array.from({ length: 260 }, (_, i) => `${COLLECTION}/3k${(i * 7919).toString(32).padStart(11, '0')}`)
const rkeys = keys.map((key) => key.slice(COLLECTION.length + 1))
const cidAt = (key: string): string => cidOfDigest(recordAt(key).cid.subarray(4))
const expected = new ExpectedRecords()
for (const [i, key] of keys.entries()) expected.add(rkeys[i]!, { cid: cidAt(key), value: {} })
const truth = new Map(keys.map((key, i) => [rkeys[i]!, cidAt(key)]))
const records = keys.map(recordAt)

describe('a repo of an enemy', () => {
  let repo: ServedRepo
  let good: Served
  beforeAll(async () => {
    repo = await ServedRepo.start()
    const nodes = written(draftOf(keys))
    good = { commit: await repo.commit(nodes[0]!), blocks: [...nodes, ...records] }
  })
  afterAll(() => repo[Symbol.asyncDispose]())
  beforeEach(() => repo.serve(good))

  const compare = (verify = true) => repo.client().compare(repo.account, COLLECTION, { expected, verify })
  const readAll = () => repo.client().read(repo.account, COLLECTION, [...rkeys, '2222222222222'], { records: 100_000 })
  const served = async (nodes: readonly Block[], contents = records): Promise<Served> => {
    return { commit: await repo.commit(nodes[0]!), blocks: [...nodes, ...contents] }
  }

  function expectBounded(): void {
    expect(repo.asked.length).toBeLessThan(BOUNDS.requests)
    expect(repo.bytes).toBeLessThan(BOUNDS.bytes)
  }

  /** Reads what is there, all of which is as it should be. @returns in which way */
  async function truthBy(): Promise<'tree' | 'whole'> {
    repo.asked.length = 0
    const compared = await compare()
    expect(compared).toMatchObject({ kind: 'ok', value: { size: keys.length, signed: true } })
    if (compared.kind !== 'ok') throw new Error(compared.kind)
    expect([compared.value.records.size, compared.value.missing.size]).toEqual([0, 0])
    const isWhole = repo.asked.includes('getRepo')
    repo.asked.length = 0
    expect(await readAll()).toMatchObject({ kind: 'ok', value: { cids: new Map([...truth, ['2222222222222', null]]) } })
    expect(repo.asked.includes('getRepo')).toBe(isWhole)
    return isWhole ? 'whole' : 'tree'
  }

  it('is told from one that is as it should be', async () => {
    expect(await truthBy()).toBe('tree')
    expectBounded()
  })

  it.each(Object.keys(SPOILT))('has %s', async (name) => {
    const random = randomFrom(name.length)
    for (let i = 0; i < TREES; i++) {
      const root = draftOf(keys)
      const codes = SPOILT[name]!(root, random)
      const all = nodesOf(root).flatMap(({ entries }) => entries.map(({ key }) => recordAt(key)))
      const spoilt = await served(written(root), all)
      repo.serve(spoilt)
      const named = { kind: 'uncertain', answered: true, code: expect.toBeOneOf([...codes]) }
      expect(await compare()).toMatchObject(named)
      // Without a signature as well: a node is believed for its form alone.
      expect(await compare(false)).toMatchObject(named)
      const read = await readAll()
      if (read.kind === 'ok') for (const [rkey, cid] of truth) expect(read.value.cids.get(rkey)).toBe(cid)
      expectBounded()
      repo.serve(spoilt, good)
      expect(await compare()).toMatchObject({ kind: 'ok', value: { size: keys.length } })
      expect(repo.asked).toContain('getRepo')
    }
  })

  it.each(Object.keys(NO_NODES))('has %s', async (name) => {
    const root = NO_NODES[name]!()
    repo.serve(await served([root]))
    for (const answer of [await compare(), await readAll()]) {
      expect(answer).toMatchObject({ kind: expect.toBeOneOf(['uncertain', 'rejected']) })
    }
    repo.serve(await served([root]), good)
    expect(await truthBy()).toBe('whole')
    expectBounded()
  })

  it.each<[string, string, (repo: ServedRepo, root: Block) => Promise<Block>]>([
    ['another account', 'CarAnotherRepo', (of, root) => of.commit(root, { did: `did:plc:${'b'.repeat(24)}` })],
    ['another version', 'CarNoCommit', (of, root) => of.commit(root, { version: 2 })],
    ['no revision', 'CarNoCommit', (of, root) => of.commit(root, { rev: 'yesterday' })],
    ['no signature', 'CarWrongSignature', (of, root) => of.commit(root, {}, () => new Uint8Array())],
    ['a wrong signature', 'CarWrongSignature', (of, root) => of.commit(root, {}, (sig) => sig.map((byte) => byte ^ 1))],
    [
      'a signature of something else',
      'CarWrongSignature',
      (of, root) => of.commit(root, {}, (sig) => sig.toReversed()),
    ],
    ['a signature with the high one of two values', 'CarWrongSignature', (of, root) => of.commit(root, {}, highS)],
    [
      'a signature that is too long',
      'CarWrongSignature',
      (of, root) => of.commit(root, {}, (sig) => Uint8Array.of(...sig, 0)),
    ],
  ])('has a commit of %s', async (_what, code, commitOf) => {
    const [root, ...nodes] = written(draftOf(keys))
    const hostile = { commit: await commitOf(repo, root!), blocks: [root!, ...nodes, ...records] }
    repo.serve(hostile)
    expect(await compare()).toMatchObject({ kind: 'uncertain', code })
    repo.serve(hostile, good)
    expect(await compare()).toMatchObject({ kind: 'ok', value: { signed: true, size: keys.length } })
    expect(repo.asked).toContain('getRepo')
    expectBounded()
  })

  it.each<[string, 'tree' | 'whole', NonNullable<Served['sent']>]>([
    ['other bytes than those of their name', 'whole', (asked) => asked.map(spoiltPart)],
    ['no blocks', 'whole', () => []],
    ['all but one of the blocks', 'whole', (asked) => asked.slice(1)],
    ['blocks beside those that were asked for', 'tree', (asked) => [...records.slice(0, 50), ...asked]],
    ['each block twice', 'tree', (asked) => [...asked, ...asked]],
    [
      'thousands of blocks',
      'whole',
      (asked) => [...asked, ...Array.from({ length: 3000 }, (_, i) => recordAt(`${i}`))],
    ],
    ['a block of 3 MB', 'whole', (asked) => [...asked, rawBlock(new Uint8Array(3_000_000))]],
    ['a CAR that is cut', 'whole', (asked) => [...asked.slice(1), partOf(asked[0]!).subarray(0, 20)]],
  ])('sends %s', async (_what, ways, sent) => {
    const nodes = written(draftOf(keys))
    repo.serve({ commit: await repo.commit(nodes[0]!), blocks: [...nodes, ...records], sent }, good)
    expect(await truthBy()).toBe(ways)
  })

  it('names a head that it has had before, and shows its blocks', async () => {
    const rev = '3kmm222222222'
    const nodes = written(draftOf(keys.slice(50)))
    const before = { commit: await repo.commit(nodes[0]!, { rev }), blocks: [...nodes, ...records], rev }
    repo.serve(before, good)
    expect(await readAll()).toMatchObject({ kind: 'ok', value: { cids: new Map([...truth, ['2222222222222', null]]) } })
    expect(repo.asked).toContain('getRepo')
    expectBounded()
  })

  it('has a tree with more keys than are worth their nodes', async () => {
    const many = Array.from({ length: 4000 }, (_, i) => `${COLLECTION}/3z${i.toString(32).padStart(11, '0')}`)
    const nodes = written(draftOf([...keys, ...many]))
    repo.serve({ commit: await repo.commit(nodes[0]!), blocks: [...nodes, ...[...keys, ...many].map(recordAt)] })
    const compared = await compare()
    expect(compared).toMatchObject({ kind: 'ok', value: { size: keys.length + many.length } })
    expect(repo.asked.filter((method) => method === 'getRepo')).toHaveLength(1)
    expectBounded()
  })
})

function spoiltPart(block: Block): Buffer {
  const part = Buffer.from(partOf(block))
  part[part.length - 1]! ^= 1
  return part
}

/** Order of secp256k1 (SEC 2, section 2.4.1). */
const ORDER = 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe_baae_dce6_af48_a03b_bfd2_5e8c_d036_4141n

/** The other signature of the same message, which ATProto refuses (https://atproto.com/specs/cryptography). */
function highS(sig: Uint8Array): Uint8Array {
  const low = BigInt(`0x${Buffer.from(sig.subarray(32)).toString('hex')}`)
  const high = (ORDER - low).toString(16).padStart(64, '0')
  return Uint8Array.of(...sig.subarray(0, 32), ...Buffer.from(high, 'hex'))
}
