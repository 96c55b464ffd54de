/** In which way a collection is read: what is left after deletions is shown by the tree and by a second way. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { draftOf, recordAt, written } from '../../../test/support/hostile-trees.ts'
import { type Served, ServedRepo } from '../../../test/support/served-repo.ts'
import { cidOfDigest } from '../../../test/support/tree.ts'
import { ExpectedRecords } from '../../domain/expected.ts'

const COLLECTION = 'computer.aesthetic.mood'
const others = Array.from({ length: 3000 }, (_, i) => `app.bsky.feed.like/3k${i.toString(32).padStart(11, '0')}`)
const ours = Array.from({ length: 3000 }, (_, i) => `${COLLECTION}/3k${i.toString(32).padStart(11, '0')}`)
const [gone] = ours.map((key) => key.slice(COLLECTION.length + 1))
const OLDER = '3kmm222222222'

const nameOf = (key: string): [string, string] => [
  key.slice(COLLECTION.length + 1),
  cidOfDigest(recordAt(key).cid.subarray(4)),
]

describe('the last look at a collection', () => {
  let repo: ServedRepo
  beforeAll(async () => {
    repo = await ServedRepo.start()
  })
  afterAll(() => repo[Symbol.asyncDispose]())

  async function served(keys: readonly string[], rev?: string): Promise<Served> {
    const nodes = written(draftOf(keys))
    const commit = await repo.commit(nodes[0]!, rev === undefined ? {} : { rev })
    return { commit, blocks: [...nodes, ...keys.map(recordAt)], ...(rev === undefined ? {} : { rev }) }
  }

  const list = () => repo.client().list(repo.account, COLLECTION, { deleted: new Set([gone!]) })

  it('costs three requests where the repo holds nothing else', async () => {
    repo.serve(await served([]))
    expect(await list()).toEqual({ kind: 'ok', value: new Map() })
    expect(repo.asked).toEqual(['getLatestCommit', 'getBlocks', 'getRecord'])
  })

  it('goes by the border of other collections, however large these are, and finds what is left', async () => {
    repo.serve(await served([...others, ours[7]!]), await served([...others.slice(0, 30), ours[7]!]))
    expect(await list()).toEqual({ kind: 'ok', value: new Map([nameOf(ours[7]!)]) })
    expect(repo.asked).not.toContain('getRepo')
    expect(repo.asked.length).toBeLessThan(15)
  })

  it('is one at the whole repo where much is left', async () => {
    repo.serve(await served(ours))
    expect(await list()).toEqual({ kind: 'ok', value: new Map(ours.map(nameOf)) })
    expect(repo.asked.filter((method) => method === 'getRepo')).toHaveLength(1)
  })

  it('takes no older state of the repo for what is left', async () => {
    // A cache has the state before the records were written, as a whole; the proof of a record is of now.
    const left = ours.slice(0, 5)
    repo.serve(await served([], OLDER), await served(left))
    expect(await list()).toEqual({ kind: 'ok', value: new Map(left.map(nameOf)) })
  })
})

describe('a small collection in a large repo', () => {
  it('is compared by the tree, once it is known how large the repo is', async () => {
    await using repo = await ServedRepo.start()
    const few = ours.slice(0, 20)
    const nodes = written(draftOf([...others, ...few]))
    repo.serve({ commit: await repo.commit(nodes[0]!), blocks: [...nodes, ...[...others, ...few].map(recordAt)] })
    const expected = new ExpectedRecords()
    for (const key of few) expected.add(key.slice(COLLECTION.length + 1), { cid: nameOf(key)[1], value: {} })
    const client = repo.client()
    for (const ways of [['getRepo'], ['getLatestCommit', 'getBlocks']]) {
      repo.asked.length = 0
      const compared = await client.compare(repo.account, COLLECTION, { expected })
      expect(compared).toMatchObject({ kind: 'ok', value: { size: few.length } })
      expect([...new Set(repo.asked)]).toEqual(ways)
    }
  })
})
