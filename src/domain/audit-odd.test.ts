import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { audit, mend, worlds } from '../../test/support/worlds.ts'
import type { AuditedRecord } from './audit.ts'
import type { OddMood } from './read-mood.ts'
import { moodIdIn } from './record.ts'

describe('an audit of a user who has odd moods', () => {
  it('leaves alone every record that is or may be an odd mood’s, and names each odd mood once', () => {
    const oddWorlds = fc.tuple(
      worlds,
      fc.array(fc.record({ isOdd: fc.boolean(), hasKey: fc.boolean() }), { minLength: 4, maxLength: 4 }),
      fc.boolean(),
    )
    fc.assert(
      fc.property(oddWorlds, fc.boolean(), ([world, chosen, hasOddId], modernise) => {
        const odd: OddMood[] = []
        for (const [i, { id, sync }] of [...world.moods.values()].entries()) {
          if (chosen[i]?.isOdd !== true) continue
          world.moods.delete(id)
          const fault = { field: 'isPrivate', kind: 'type', mendable: false, meant: null } as const
          odd.push({ ...fault, id, user: 'u1', hasOddId, rkeys: chosen[i].hasKey ? [sync.rkey] : [] })
        }
        const keys = new Set(odd.flatMap(({ rkeys }) => rkeys))
        const isNamed = (value: unknown): boolean => {
          const id = moodIdIn(value)
          return id !== null && !world.moods.has(id) && (hasOddId || odd.some((one) => one.id === id))
        }
        const isTheirs = ([rkey, { value }]: [string, AuditedRecord]): boolean => {
          const isAnothers = world.moods.has(moodIdIn(value) ?? '')
          return odd.length > 0 && (isNamed(value) || (keys.has(rkey) && !isAnothers))
        }
        const before = new Map([...world.records].filter(isTheirs))
        for (let round = 0; round < 3; round++) {
          const { findings } = audit(world, { odd, modernise })
          const named = findings.flatMap(({ kind, moodId, fix }) => {
            return kind === 'odd' && fix.kind === 'none' && fix.odd.id === moodId ? [moodId] : []
          })
          expect(named.toSorted()).toEqual(odd.map(({ id }) => id).toSorted())
          for (const finding of findings) mend(world, finding)
        }
        expect([...before].filter(([rkey, { cid }]) => world.records.get(rkey)?.cid !== cid)).toEqual([])
        const rest = audit(world, { odd, modernise }).findings.filter(({ kind }) => kind !== 'odd')
        expect(rest).toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})
