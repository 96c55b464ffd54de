import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { audit, DAMAGE, mend, put, recordOf, settle, type World, worlds } from '../../test/support/worlds.ts'
import { aMood, NOW } from '../../test/support/moods.ts'
import type { Finding } from './audit.ts'
import { isSafe, REPAIRS_A_DAY, withdrawalsADay, withinADay } from './auto-repair.ts'
import type { FindingKind } from './finding-kinds.ts'
import { FEDERATE_NONE } from './policy.ts'
import { COLLECTION, rkeyFor } from './record.ts'

function safeIn(world: World, fields = {}): readonly Finding[] {
  return audit(world, fields).findings.filter((finding) => isSafe(finding, world.moods, world.records))
}

/** A world with one mood in it, damaged. */
function damaged(how: keyof typeof DAMAGE, fields = {}): World {
  const world: World = { moods: new Map(), records: new Map() }
  DAMAGE[how](world, settle(world, aMood(fields)))
  return world
}

/** Whether the record says by itself that it is this mood's. */
function names(value: unknown, id: string): boolean {
  const { mongoId, ref } = value as { mongoId?: unknown; ref?: unknown }
  return mongoId === id || ref === id
}

describe('what is safe', () => {
  it.each([
    ['recordDeleted', { dangling: 1 }],
    ['unlinked', { unlinked: 1 }],
    ['becamePrivate', { leaked: 1 }],
    ['withdrawn', { stray: 1 }],
    ['recordChanged', {}],
    ['recordWithoutId', {}],
    ['recordUnreadable', {}],
    ['secondCopy', {}],
    ['foreign', {}],
    ['unreadable', {}],
    ['purged', {}],
  ] as const)('of a repo with %s', (how, kinds) => {
    const found: Partial<Record<FindingKind, number>> = {}
    for (const { kind } of safeIn(damaged(how))) found[kind] = (found[kind] ?? 0) + 1
    expect(found).toEqual(kinds)
  })

  it('is nothing that would write over the record of somebody else under the key of a mood', () => {
    const world = damaged('recordDeleted')
    const [mood] = world.moods.values()
    put(world, mood!.sync.rkey, { $type: COLLECTION, text: 'gone', mongoId: 'f'.repeat(24) })
    expect(audit(world).findings.map(({ kind }) => kind)).toContain('dangling')
    expect(safeIn(world)).toEqual([])
  })

  it('is no record of somebody else under the key of a private mood', () => {
    const world = damaged('becamePrivate')
    const [mood] = world.moods.values()
    put(world, mood!.sync.rkey, { $type: COLLECTION, text: 'by another client' })
    expect(safeIn(world)).toEqual([])
  })

  it('is nothing that federation holds, but for what must not be there', () => {
    expect(safeIn(damaged('recordDeleted'), { policy: FEDERATE_NONE })).toEqual([])
    expect(safeIn(damaged('becamePrivate'), { policy: FEDERATE_NONE })).toHaveLength(1)
  })

  it('is nothing of a mood on its way', () => {
    const world = damaged('recordDeleted')
    expect(safeIn(world, { moving: new Set(world.moods.keys()) })).toEqual([])
  })

  it('changes no record, and takes away only those that name a mood which must not be there', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const before = new Map(world.records)
        const moods = new Map(world.moods)
        for (const finding of safeIn(world)) mend(world, finding)
        for (const [rkey, { cid, value }] of before) {
          const after = world.records.get(rkey)
          if (after) expect(after.cid).toBe(cid)
          if (after) continue
          const owner = [...moods.values()].find(({ id }) => names(value, id))
          expect(owner?.isPrivate === true || owner?.deleted?.records === 'withdraw').toBe(true)
        }
        for (const [rkey, { value }] of world.records) {
          if (before.has(rkey)) continue
          const owner = [...moods.values()].find(({ id }) => names(value, id))
          expect([owner?.isPrivate, owner?.deleted?.records ?? 'keep']).toEqual([false, 'keep'])
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the bounds of a day', () => {
  it('let a tenth of the records be taken away, and at least one', () => {
    expect([0, 9, 10, 99, 500, 100_000].map((records) => withdrawalsADay(records).max)).toEqual([1, 1, 1, 9, 50, 100])
  })

  it('are kept, the most serious findings first', () => {
    const world: World = { moods: new Map(), records: new Map() }
    for (let i = 0; i < 12; i++) {
      const mood = settle(world, aMood({ id: String(i).padStart(24, 'a'), text: `mood ${i}` }))
      DAMAGE[i % 2 === 0 ? 'recordDeleted' : 'becamePrivate'](world, mood)
    }
    const safe = safeIn(world)
    expect(safe).toHaveLength(12)
    const kinds = (repairs: number, withdrawals: number) =>
      withinADay(safe, { repairs, withdrawals }).map(({ kind }) => kind)
    expect(kinds(REPAIRS_A_DAY.max, 2)).toEqual(['leaked', 'leaked', ...Array(6).fill('dangling')])
    expect(kinds(3, 2)).toEqual(['leaked', 'leaked', 'dangling'])
    expect(kinds(0, 9)).toEqual([])
    expect(kinds(9, 0)).toEqual(Array(6).fill('dangling'))
  })
})

describe('a copy of a private mood', () => {
  it('goes wherever it is', () => {
    const world = damaged('becamePrivate')
    const [mood] = world.moods.values()
    put(world, rkeyFor(NOW, 'copy', 0), recordOf(mood!))
    expect(safeIn(world).map(({ kind }) => kind)).toEqual(['leaked', 'leaked'])
  })
})
