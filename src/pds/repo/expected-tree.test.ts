import { fromString } from '@atcute/cid'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cidOfDigest, sortedOf } from '../../../test/support/tree.ts'
import vectors from '../../../test/vectors/trees.json' with { type: 'json' }
import { ExpectedRecords } from '../../domain/expected.ts'
import { ExpectedTree } from './expected-tree.ts'
import { Share } from './share.ts'
import { SortedRecords } from './sorted-records.ts'
import { layerOf } from './tree.ts'

const record = fromString(vectors.record).digest.contents
const share = () => new Share(new AbortController().signal)

describe('an expected tree', () => {
  it('has the layers and roots that every implementation has to agree on', async () => {
    for (const [key, layer] of Object.entries(vectors.layers)) expect([key, layerOf(key)]).toEqual([key, layer])
    for (const { keys, root } of vectors.trees) {
      const records = await sortedOf(
        keys.map((key): [string, Uint8Array] => [key, record]),
        share(),
      )
      const tree = await ExpectedTree.of('', records, share())
      expect(cidOfDigest(await tree.rootOf(share()))).toBe(root)
    }
  })

  it('is built in turns, and given up when the reading is', async () => {
    const records = await sortedOf(
      Array.from({ length: 200_000 }, (_, i): [string, Uint8Array] => [`${i}`.padStart(13, '0'), record]),
      share(),
    )
    const stop = AbortSignal.abort(new Error('given up'))
    await expect(ExpectedTree.of('c/', records, new Share(stop))).rejects.toThrow('given up')
  })
})

describe('expected records', () => {
  const rkeys = fc.array(
    fc.oneof(
      fc.stringMatching(/^[a-z2-7]{13}$/),
      fc.stringMatching(/^[A-Za-z0-9._~:-]{1,40}$/),
      fc.constantFrom('a', 'b'),
    ),
  )

  it('are in the order of their keys, in whatever order they come, and what several claim is not known', async () => {
    await fc.assert(
      fc.asyncProperty(rkeys, fc.boolean(), async (all, isKnown) => {
        const records = new ExpectedRecords()
        for (const rkey of all) records.add(rkey, { cid: vectors.record, value: isKnown ? {} : undefined })
        const sorted = await SortedRecords.of(records, share())
        const once = [...new Set(all)].toSorted((a, b) => (a < b ? -1 : 1))
        expect(Array.from({ length: sorted.size }, (_, i) => sorted.rkey(i))).toEqual(once)
        for (const [place, rkey] of once.entries()) {
          expect(sorted.placeOf(rkey)).toBe(place)
          expect(sorted.placeOf(`${rkey}0`)).toBe(once.filter((other) => other < `${rkey}0`).length)
          expect(sorted.isKnown(place)).toBe(isKnown && all.filter((other) => other === rkey).length === 1)
          expect(cidOfDigest(sorted.digest(place))).toBe(vectors.record)
        }
      }),
    )
  })
})
