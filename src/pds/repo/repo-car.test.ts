/** Reading a CAR: the truth or a named fault, whatever is sent, in little time and memory. */

import { encode } from '@atcute/cbor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Block,
  type BuiltRepo,
  blockOf,
  carOf,
  commitBlock,
  headerOf,
  keyOf,
  levelOf,
  linkTo,
  nodeBlock,
  partOf,
  rawBlock,
  repoOf,
  withLength,
  withTree,
} from '../../../test/support/car.ts'
import { recordsIn } from '../../../test/support/tree.ts'
import type { RepoFaultCode } from '../../domain/repo-faults.ts'
import { BlockTable, limitsOf, type RepoLimits } from './block-table.ts'
import { readCar } from './car.ts'
import { provenIn } from './repo-car.ts'
import { Share } from './share.ts'

const DID = `did:plc:${'a'.repeat(24)}`
const COLLECTION = 'computer.aesthetic.mood'
const LIMITS = limitsOf(50)
const never = new AbortController().signal

/** The records of the collection, by record key; rejects with a fault. */
async function read(
  chunks: Iterable<Uint8Array>,
  { limits = LIMITS, inMemory }: { readonly limits?: RepoLimits; readonly inMemory?: number } = {},
) {
  using share = new Share(never)
  const car = await readCar(chunks, limits, share, new BlockTable(limits, inMemory))
  const records = await recordsIn(car, { did: DID, collection: COLLECTION }, null, share)
  return new Map([...records].map(([rkey, { cid, value }]) => [rkey, { cid, value }]))
}

function outcomeOf(chunks: Iterable<Uint8Array>, limits?: RepoLimits): Promise<RepoFaultCode | 'read'> {
  return read(chunks, limits && { limits }).then(
    () => 'read' as const,
    (error: { code: RepoFaultCode }) => error.code,
  )
}

/** Some records of our collection and of two around it. */
function recordsOf(count: number): Map<string, unknown> {
  const records = new Map<string, unknown>()
  for (let i = 0; i < count; i++) {
    const collection = i % 5 === 0 ? 'app.bsky.feed.like' : i % 7 === 0 ? 'computer.aesthetic.mood2' : COLLECTION
    records.set(keyOf(i * 37, collection), { $type: collection, text: `mood ${i}`, n: i })
  }
  return records
}

/** What is to be read of these records. */
function truthOf(records: ReadonlyMap<string, unknown>) {
  const own = [...records].filter(([key]) => key.startsWith(`${COLLECTION}/`))
  return new Map(
    own.map(([key, value]) => [key.slice(COLLECTION.length + 1), { cid: linkTo(blockOf(value)).$link, value }]),
  )
}

function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const length = lengths.length === 0 ? bytes.length : lengths[i % lengths.length]!
    chunks.push(bytes.subarray(at, at + length))
    at += length
  }
  return chunks
}

function shuffled<T>(values: readonly T[], seed: number): T[] {
  return values
    .map((value, i) => ({ value, at: Math.imul(i + seed, 2654435761) >>> 0 }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

type Named = Pick<Block, 'cid'>

const text = { $type: COLLECTION, text: 'a mood' }
const record = blockOf(text)
const value = linkTo(record)

/** Keys of one level, in order. */
function keysAt(level: number, count: number, from = 0): string[] {
  const keys: string[] = []
  for (let i = from; keys.length < count; i++) if (levelOf(keyOf(i)) === level) keys.push(keyOf(i))
  return keys
}

const leaf = (...keys: string[]): Block =>
  nodeBlock({ left: null, entries: keys.map((key) => ({ key, value, after: null })) })
const [low, later] = keysAt(0, 2, 5_000) as [string, string]
const highest = keysAt(1, 1, 9_000)[0]!

describe('a repo that is whole', () => {
  it('is read as it is, in whatever order and pieces its blocks arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 300 }),
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 5 }),
        async (count, seed, lengths) => {
          const records = recordsOf(count)
          const { root, blocks } = repoOf(DID, records)
          const car = carOf({ root, blocks: shuffled(blocks, seed) })
          expect(await read(cut(car, lengths))).toEqual(truthOf(records))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('is read from a file where it is too large for the memory', async () => {
    const records = recordsOf(3_000)
    const car = carOf(repoOf(DID, records))
    expect(await read(cut(car, [10_000]), { inMemory: 20_000 })).toEqual(truthOf(records))
  })

  it('may have one block for several records, and blocks that none of them is', async () => {
    const { root, blocks } = withTree(DID, [leaf(low, later)], [record, blockOf({ old: true })])
    expect((await read([carOf({ root, blocks })])).size).toBe(2)
  })

  it('has records that cannot be decoded, or are too large to be a mood, without their content', async () => {
    const huge = blockOf({ $type: COLLECTION, text: 'x'.repeat(200_000) })
    // Each header announces as many items as there are bytes: a decoder that makes room for them needs gigabytes.
    const bomb = rawBlock(Buffer.concat(Array.from({ length: 15_000 }, () => Buffer.from('9a00010000', 'hex'))))
    const entries = [low, later].map((key, i) => ({ key, value: linkTo([huge, bomb][i]!), after: null }))
    const found = await read([carOf(withTree(DID, [nodeBlock({ left: null, entries })], [huge, bomb]))])
    expect([...found.values()].map((each) => each.value)).toEqual([undefined, undefined])
  })
})

describe('a repo that is damaged', () => {
  const built = repoOf(DID, recordsOf(40))
  const car = carOf(built)
  const truth = truthOf(recordsOf(40))

  it('is never read as another one, wherever it ends', async () => {
    for (let end = 0; end < car.length; end += 7) {
      expect(await outcomeOf([car.subarray(0, end)])).toMatch(
        /^(CarCutShort|CarMalformed|CarNoCommit|TreeBlockMissing)$/,
      )
    }
  })

  it('is never read as another one, whichever byte is wrong', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(car.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(car)
        damaged[at]! ^= change
        const outcome = await read([damaged]).catch((error: { code?: string }) => error.code)
        if (typeof outcome === 'string') expect(outcome).toMatch(/^(Car|Tree)/)
        // The name of a block may say that it is raw bytes: they are the same.
        else expect(outcome).toEqual(truth)
      }),
      { numRuns: 400 },
    )
  })

  it('is never read as another one when a block is missing', async () => {
    for (const missing of built.blocks) {
      const left = built.blocks.filter((block) => block !== missing)
      const expected = missing === built.root ? 'CarNoCommit' : 'TreeBlockMissing'
      expect(await outcomeOf([carOf({ root: built.root, blocks: left })])).toBe(expected)
    }
  })

  it('with a node that has any of its bytes changed, and the right hash, is read or has a fault', async () => {
    const node = leaf(low, later)
    await fc.assert(
      fc.asyncProperty(fc.nat(node.bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(node.bytes)
        bytes[at]! ^= change
        expect(await outcomeOf([carOf(withTree(DID, [rawBlock(bytes)], [record]))])).toMatch(/^(read|Car|Tree)/)
      }),
      { numRuns: 300 },
    )
  })

  const foreign = (prefix: string): Buffer =>
    withLength(Buffer.concat([Buffer.from(prefix, 'hex'), Buffer.alloc(32), Buffer.from('a0', 'hex')]))
  const other = commitBlock(`did:plc:${'b'.repeat(24)}`, linkTo(leaf(low)))
  const nodeTo = (below: Named): Block =>
    nodeBlock({ left: linkTo(below), entries: [{ key: highest, value, after: null }] })
  const own = leaf(low)
  /** Two nodes that refer to each other: no hash can be right. */
  const namedLike = (last: number): Named => ({ cid: Buffer.concat([own.cid.subarray(0, 35), Buffer.of(last)]) })
  const [one, two] = [namedLike(1), namedLike(2)]
  const circle: Block[] = [
    { ...one, bytes: nodeTo(two).bytes },
    { ...two, bytes: nodeTo(one).bytes },
  ]
  const chain = (length: number, first: Block = leaf(low)): Block[] => {
    const blocks = [first]
    for (let i = 0; i < length; i++) blocks.unshift(nodeBlock({ left: linkTo(blocks[0]!), entries: [] }))
    return blocks
  }
  const of = (nodes: readonly Block[], more: readonly Block[] = [record]): Buffer => carOf(withTree(DID, nodes, more))
  const linked = (tag: string): Block =>
    rawBlock(Buffer.from(Buffer.from(leaf(low).bytes).toString('hex').replace('d82a58250001711220', tag), 'hex'))

  it.each<[string, Uint8Array, RepoFaultCode]>([
    ['nothing at all', Buffer.alloc(0), 'CarMalformed'],
    ['a page', Buffer.from('<!doctype html><title>Sign in</title>'.repeat(9)), 'CarMalformed'],
    ['a header without an end', Buffer.alloc(9, 0xff), 'CarMalformed'],
    ['a header of another version', withLength(Buffer.from(encode({ version: 2, roots: [value] }))), 'CarMalformed'],
    ['no root', Buffer.concat([headerOf([]), car]), 'CarNotOneRoot'],
    ['several roots', Buffer.concat([headerOf([built.root, record]), car]), 'CarNotOneRoot'],
    ['a root that is a record', carOf({ root: record, blocks: [record] }), 'CarNoCommit'],
    ['a root that announces more items than it has bytes', bombed(), 'CarNoCommit'],
    ['another account', carOf({ root: other, blocks: [other, leaf(low), record] }), 'CarAnotherRepo'],
    ['a name of SHA-512', Buffer.concat([headerOf([built.root]), foreign('01711340')]), 'CarForeignCid'],
    ['a name of version 0', Buffer.concat([headerOf([built.root]), foreign('12200000')]), 'CarForeignCid'],
    ['another codec', Buffer.concat([headerOf([built.root]), foreign('01701220')]), 'CarForeignCid'],
    ['a hash of another block', of([own], [{ cid: record.cid, bytes: encode({}) }]), 'CarWrongHash'],
    ['nodes in a circle', of(circle), 'CarWrongHash'],
    [
      'a block of three megabytes',
      Buffer.concat([headerOf([built.root]), Buffer.from('c08db701', 'hex'), Buffer.alloc(9)]),
      'CarBlockTooLarge',
    ],
    ['one more block that is cut', Buffer.concat([car, partOf(record).subarray(0, 50)]), 'CarCutShort'],
    ['a part that is no block', Buffer.concat([headerOf([built.root]), withLength(Buffer.alloc(36))]), 'CarMalformed'],
    ['a node that is none', of([blockOf({ e: [], l: null, x: 1 })]), 'TreeNodeMalformed'],
    ['a record in place of a node', of([record]), 'TreeNodeMalformed'],
    ['an empty node below another', of([nodeTo(leaf()), leaf()]), 'TreeNodeMalformed'],
    ['a node above all that has no key', of(chain(1)), 'TreeNodeMalformed'],
    ['a reference to raw bytes', of([linked('d82a58250001551220')]), 'TreeForeignCid'],
    ['a node that is referred to twice', of([twice(), leaf(low)]), 'TreeNodeTwice'],
    ['a chain of nodes without keys', of([nodeTo(chain(300)[0]!), ...chain(300)]), 'TreeTooDeep'],
    ['a key that is none', of([leaf('a key')]), 'TreeKeyMalformed'],
    ['keys out of order', of([leaf(later, low)]), 'TreeKeyOrder'],
    ['a key twice', of([leaf(low, low)]), 'TreeKeyOrder'],
    ['a key at the level of another', of([leaf(low, highest)]), 'TreeKeyLevel'],
    ['a key on the wrong side', of([outside(), leaf(low)]), 'TreeKeyOutside'],
    ['a record that is not sent', of([own], []), 'TreeBlockMissing'],
  ])('is known by %s', async (_what, bytes, code) => {
    expect(await outcomeOf([bytes])).toBe(code)
  })

  function twice(): Block {
    const below = linkTo(leaf(low))
    return nodeBlock({ left: below, entries: [{ key: highest, value, after: below }] })
  }

  function outside(): Block {
    return nodeBlock({ left: null, entries: [{ key: highest, value, after: linkTo(leaf(low)) }] })
  }

  function bombed(): Buffer {
    const bytes = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from('9a000fffff', 'hex')))
    const root = rawBlock(bytes)
    return carOf({ root, blocks: [root] })
  }
})

describe('a repo without an end', () => {
  function* endless(block: (i: number) => Block): Generator<Uint8Array> {
    yield headerOf([record])
    for (let i = 0; ; i++) yield partOf(block(i))
  }

  it.each<[string, RepoLimits, (i: number) => Block, RepoFaultCode]>([
    ['that repeats a block', { bytes: 5e6, blocks: 1e9 }, () => record, 'CarTooLarge'],
    ['of large blocks', { bytes: 5e6, blocks: 1e9 }, (i) => rawBlock(Buffer.alloc(1e6, i)), 'CarTooLarge'],
    ['of small blocks', { bytes: 1e9, blocks: 20_000 }, (i) => blockOf(i), 'CarTooManyBlocks'],
  ])('%s is cut', async (_what, limits, block, code) => {
    expect(await outcomeOf(endless(block), limits)).toBe(code)
  })

  it('lets everything else in the process have its turn', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    await outcomeOf(
      endless((i) => blockOf(i)),
      { bytes: 1e9, blocks: 200_000 },
    )
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
  })

  it('ends when it is no longer wanted', async () => {
    const stop = new AbortController()
    using share = new Share(stop.signal)
    setTimeout(() => stop.abort(new Error('stopped')), 50)
    await expect(
      readCar(
        endless(() => record),
        { bytes: 1e12, blocks: 1e9 },
        share,
      ),
    ).rejects.toThrow('stopped')
  })

  it('is not made of one large record under many keys', async () => {
    const large = blockOf({ $type: COLLECTION, text: 'x'.repeat(90_000) })
    const entries = keysAt(0, 100).map((key) => ({ key, value: linkTo(large), after: null }))
    const car = carOf(withTree(DID, [nodeBlock({ left: null, entries })], [large]))
    expect(await outcomeOf([car], { bytes: 1e6, blocks: 1e3 })).toBe('CarTooLarge')
  })
})

describe('a proof', () => {
  const records = recordsOf(200)
  const whole = repoOf(DID, records)
  const proven = async ({ root, blocks }: BuiltRepo, key: string): Promise<string | null> => {
    using share = new Share(never)
    return provenIn(await readCar([carOf({ root, blocks })], LIMITS, share), DID, key).cid
  }

  it('shows each record that is there, and none that is not', async () => {
    for (const [key, each] of records) expect(await proven(whole, key)).toBe(linkTo(blockOf(each)).$link)
    for (let i = 2; i < 60; i += 3) expect(await proven(whole, keyOf(i))).toBeNull()
  })

  it('without a block on the way shows nothing, and never that there is no record', async () => {
    for (const missing of whole.blocks) {
      const part = { root: whole.root, blocks: whole.blocks.filter((block) => block !== missing) }
      const key = keyOf(37)
      const outcome = await proven(part, key).catch((error: { code: string }) => error.code)
      expect(outcome).toBeOneOf([linkTo(blockOf(records.get(key))).$link, 'CarNoCommit', 'TreeBlockMissing'])
    }
  })
})
