import { fromString, toString, fromDigest, CODEC_DCBOR } from '@atcute/cid'
import { describe, expect, it } from 'vitest'
import vectors from '../../../test/vectors/trees.json' with { type: 'json' }
import { ExpectedTree, layerOf } from './expected-tree.ts'
import { Share } from './share.ts'

const record = fromString(vectors.record).digest.contents
const share = () => new Share(new AbortController().signal)

describe('an expected tree', () => {
  it('has the layers and roots that every implementation has to agree on', async () => {
    for (const [key, layer] of Object.entries(vectors.layers)) expect([key, layerOf(key)]).toEqual([key, layer])
    for (const { keys, root } of vectors.trees) {
      const records = keys.map((key): [string, Uint8Array] => [key, record])
      const tree = await ExpectedTree.of('', records, share())
      expect(toString(fromDigest(CODEC_DCBOR, await tree.rootOf(share())))).toBe(root)
    }
  })

  it('takes records in order alone', async () => {
    const unordered = [
      ['b', record],
      ['a', record],
    ] as const
    await expect(ExpectedTree.of('c/', unordered, share())).rejects.toThrow('in order')
    await expect(ExpectedTree.of('c/', [unordered[0], unordered[0]], share())).rejects.toThrow('in order')
  })

  it('is built in turns, and given up when the reading is', async () => {
    const stop = new AbortController()
    function* records(): Generator<[string, Uint8Array]> {
      for (let i = 0; ; i++) {
        if (i === 1000) stop.abort(new Error('given up'))
        yield [`${i}`.padStart(13, '0'), record]
      }
    }
    await expect(ExpectedTree.of('c/', records(), new Share(stop.signal))).rejects.toThrow('given up')
  })
})
