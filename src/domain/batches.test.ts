import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batches, MAX_BYTES, MAX_WRITES } from './batches.ts'
import type { RepoWrite } from './plan.ts'

describe('batches', () => {
  const writes = fc.array(
    fc.integer({ min: 1, max: 12_000 }).map((length): { write: RepoWrite } => ({
      write: { action: 'create', rkey: 'k', cid: 'c', value: { $type: 't', text: 'x'.repeat(length) } },
    })),
    { maxLength: 500 },
  )

  it('batches keep the order of creations, lose nothing, and fit one commit each', () => {
    fc.assert(
      fc.property(writes, (steps) => {
        const groups = batches(steps)
        expect(groups.flat()).toEqual(steps)
        for (const group of groups) {
          expect(group.length).toBeGreaterThan(0)
          expect(group.length).toBeLessThanOrEqual(MAX_WRITES)
          expect(JSON.stringify(group).length).toBeLessThanOrEqual(MAX_BYTES + 1000)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('batches put deletions first, and each replacement alone', () => {
    const of = (action: 'create' | 'update' | 'delete', rkey: string): { write: RepoWrite } => ({
      write: action === 'delete' ? { action, rkey } : { action, rkey, cid: 'c', was: 'w', value: { $type: 't' } },
    })
    const steps = [of('create', 'a'), of('update', 'b'), of('delete', 'c'), of('update', 'd'), of('create', 'e')]
    expect(batches(steps).map((group) => group.map(({ write }) => write.rkey).join(''))).toEqual(['c', 'b', 'd', 'ae'])
  })

  it('batches do not split what fits one commit', () => {
    const step = { write: { action: 'delete', rkey: 'k' } } as const
    expect(batches(Array.from({ length: 200 }, () => step))).toHaveLength(1)
    expect(batches(Array.from({ length: 201 }, () => step)).map((group) => group.length)).toEqual([200, 1])
  })
})
