import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aMood, NOW } from '../../test/support/moods.ts'
import { spellingsOf, UNCLEAR } from '../../test/support/spellings.ts'
import {
  account,
  audit,
  DAMAGE,
  error,
  letGo,
  mend,
  olderForm,
  put,
  recordOf,
  repairAll,
  settle,
  someDrafts,
  type World,
  worlds,
} from '../../test/support/worlds.ts'
import { type Finding, missing } from './audit.ts'
import { heldIn } from './held.ts'
import { FINDING_KINDS, REPAIRABLE, REPAIRED } from './finding-kinds.ts'
import type { Mood } from './mood.ts'
import { FEDERATE_ALL, FEDERATE_NONE } from './policy.ts'
import { desiredRecord, isPublic, moodIdIn, rkeyFor, uriOf } from './record.ts'
import { enqueued, held, rejected, unseen } from './sync.ts'

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

describe('an audit', () => {
  it('accounts for every mood exactly once: counted, or with a finding of its own', () => {
    fc.assert(
      fc.property(worlds, fc.boolean(), fc.boolean(), (world, isOff, modernise) => {
        const { findings, counts } = audit(world, { policy: isOff ? FEDERATE_NONE : FEDERATE_ALL, modernise })
        const { moods, records, ...rest } = counts
        expect([moods, records]).toEqual([world.moods.size, world.records.size])
        const named = new Set(findings.flatMap(({ kind, moodId }) => (kind === 'duplicate' ? [] : (moodId ?? []))))
        expect(sum(Object.values(rest)) + named.size).toBe(world.moods.size)
        const own = findings.filter(({ kind }) => ['missing', 'dangling', 'drift', 'unlinked'].includes(kind))
        expect(new Set(own.map(({ moodId }) => moodId)).size).toBe(own.length)
      }),
      { numRuns: 400 },
    )
  })

  it('finds the same differences under every policy, but for moods that were never published', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const [on, off] = [FEDERATE_ALL, FEDERATE_NONE].map((policy) => audit(world, { policy }))
        const wasPublished = ({ kind, moodId }: Finding): boolean => {
          const sync = moodId === null ? null : (world.moods.get(moodId)?.sync ?? null)
          return kind !== 'missing' || sync === null || sync.cid !== null || sync.hold === 'backfill'
        }
        const named = ({ kind, rkey, moodId }: Finding) => ({ kind, rkey, moodId })
        expect(off!.findings.filter((found) => found.kind !== 'missing').map(named)).toEqual(
          on!.findings.filter((found) => found.kind !== 'missing').map(named),
        )
        expect(off!.findings.map(named)).toEqual(expect.arrayContaining(on!.findings.filter(wasPublished).map(named)))
        expect(on!.backlog).toEqual(expect.arrayContaining([...off!.backlog]))
        for (const { moodId, hold } of off!.findings) {
          const mood = moodId === null ? null : world.moods.get(moodId)!
          expect(hold).toBe(mood !== null && isPublic(mood) ? 'federation_off' : null)
        }
        expect(on!.findings.every(({ hold }) => hold === null)).toBe(true)
        const unheld = { ...off!.counts, held: 0, inFlight: 0, rejected: 0 }
        expect(unheld).toMatchObject({ ...on!.counts, held: 0, inFlight: 0, rejected: 0 })
      }),
      { numRuns: 400 },
    )
  })

  it('leaves a user whom federation leaves out alone, but for what must not be there, and mends the rest once let in', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        for (let round = 0; round < 3; round++) repairAll(world, FEDERATE_NONE)
        const [rows, repo] = [structuredClone([...world.moods]), new Map(world.records)]
        const { findings } = audit(world, { policy: FEDERATE_NONE })
        expect(findings.filter(({ hold }) => hold === null)).toEqual([])
        repairAll(world, FEDERATE_NONE)
        expect([[...world.moods], world.records]).toEqual([rows, repo])
        for (const mood of world.moods.values()) {
          const there = [...world.records.values()].filter(({ value }) => moodIdIn(value) === mood.id)
          if (desiredRecord(mood, account, FEDERATE_NONE).kind === 'absent') expect(there).toEqual([])
        }
        letGo(world)
        for (let round = 0; round < 3; round++) repairAll(world, FEDERATE_ALL)
        expect(audit(world).findings).toEqual([])
      }),
      { numRuns: 400 },
    )
  })

  it('accounts for every record exactly once: in step, or with one finding', () => {
    fc.assert(
      fc.property(worlds, fc.boolean(), fc.boolean(), (world, isOff, modernise) => {
        const { findings, counts } = audit(world, { policy: isOff ? FEDERATE_NONE : FEDERATE_ALL, modernise })
        const named = findings.flatMap(({ rkey }) => rkey ?? [])
        expect(new Set(named).size).toBe(named.length)
        expect(named.filter((rkey) => !world.records.has(rkey))).toEqual([])
        const found = new Set(findings.flatMap(({ kind, moodId }) => (kind === 'duplicate' ? [] : (moodId ?? []))))
        const waiting = [...world.moods.values()].filter((mood) => {
          const { rkey, cid, hold } = mood.sync
          const isThere = cid !== null && world.records.get(rkey)?.cid === cid
          return hold === 'federation_off' && isThere && isPublic(mood) && !found.has(mood.id)
        })
        expect(world.records.size - named.length).toBe(counts.synced + counts.kept + counts.legacy + waiting.length)
      }),
      { numRuns: 400 },
    )
  })

  it('finds nothing in a repo that is in step', () => {
    const undamaged = fc.tuple(someDrafts).map(([drafts]) => {
      const world: World = { moods: new Map(), records: new Map() }
      for (const { isPrivate, deletion } of drafts) {
        settle(world, aMood({ isPrivate, deleted: deletion && { by: 'author', records: deletion } }))
      }
      return world
    })
    fc.assert(
      fc.property(undamaged, (world) => {
        expect(audit(world).findings).toEqual([])
      }),
    )
  })

  it('finds nothing more once its findings are mended, and no record that must not be there', () => {
    fc.assert(
      fc.property(worlds, fc.boolean(), (world, modernise) => {
        for (const mood of audit(world).backlog) mend(world, missing(mood))
        for (let round = 0; round < 3; round++) repairAll(world, FEDERATE_ALL, modernise)
        expect(audit(world, { modernise }).findings).toEqual([])
        for (const mood of world.moods.values()) {
          const there = [...world.records.values()].filter(({ value }) => moodIdIn(value) === mood.id)
          const { kind } = desiredRecord(mood, account, FEDERATE_ALL)
          if (kind === 'absent') expect(there).toEqual([])
          if (kind === 'record' && mood.sync.state !== 'rejected') expect(there).toHaveLength(1)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('removes all records of a wanted mood only where one is written at its own key', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { findings } = audit(world)
        const removed = new Set(findings.flatMap(({ fix }) => (fix.kind === 'remove' ? [fix.rkey] : [])))
        const written = new Set(findings.flatMap(({ fix }) => (fix.kind === 'enqueue' ? [fix.mood.id] : [])))
        const bare = [...world.moods.values()].filter((mood) => {
          if (mood.isPrivate || mood.deleted || written.has(mood.id)) return false
          const there = [...world.records].filter(([, { value }]) => moodIdIn(value) === mood.id)
          return there.length > 0 && there.every(([rkey]) => removed.has(rkey))
        })
        expect(bare).toEqual([])
      }),
      { numRuns: 400 },
    )
  })

  it('leaves alone what is on its way: moods that moved, pending ones, and records being removed', () => {
    fc.assert(
      fc.property(worlds, fc.nat({ max: 9 }), (world, chosen) => {
        const moving = new Set([...world.moods.keys()].filter((_, i) => (chosen >> i) % 2 === 1))
        const removing = new Set([...world.records.keys()].filter((_, i) => (chosen >> i) % 2 === 0))
        const { findings, counts } = audit(world, { moving, removing })
        expect(findings.filter(({ moodId }) => moodId !== null && moving.has(moodId))).toEqual([])
        expect(findings.filter(({ rkey }) => rkey !== null && removing.has(rkey))).toEqual([])
        const isReleased = ({ id, sync }: Mood): boolean => sync.hold === 'federation_off' && !moving.has(id)
        const released = audit(world, { moving, removing, policy: FEDERATE_NONE }).counts.held
        expect(counts.inFlight).toBeGreaterThanOrEqual(moving.size)
        expect(counts.inFlight).toBeLessThanOrEqual(moving.size + [...world.moods.values()].filter(isReleased).length)
        expect(released).toBeGreaterThanOrEqual(counts.inFlight - moving.size)
      }),
      { numRuns: 200 },
    )
    const world: World = { moods: new Map(), records: new Map() }
    const mood = settle(world, aMood())
    world.moods.set(mood.id, { ...mood, isPrivate: true, sync: enqueued(mood.sync, NOW) })
    expect(audit(world)).toMatchObject({ findings: [], counts: { inFlight: 1 } })
  })

  it.each([
    ['leaked', 'becamePrivate'],
    ['dangling', 'recordDeleted'],
    ['drift', 'recordChanged'],
    ['unlinked', 'unlinked'],
    ['duplicate', 'secondCopy'],
    ['duplicate', 'secondCopyOfOlderForm'],
    ['stray', 'withdrawn'],
    ['stray', 'purged'],
    ['foreign', 'foreign'],
    ['unreadable', 'unreadable'],
  ] as const)('names %s what comes of a published mood by: %s', (kind, damage) => {
    const world: World = { moods: new Map(), records: new Map() }
    DAMAGE[damage](world, settle(world, aMood()))
    expect(audit(world).findings.map((finding) => finding.kind)).toEqual([kind])
  })

  it('finds nothing in history that was never published, under any policy: it waits for a backfill', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const mood = aMood()
    const { rkey } = mood.sync
    world.moods.set(mood.id, { ...mood, sync: unseen({ rkey, uri: null, cid: null, attempts: 0 }) })
    for (const policy of [FEDERATE_ALL, FEDERATE_NONE]) {
      const { findings, backlog, counts } = audit(world, { policy })
      expect([findings, backlog]).toEqual([[], [world.moods.get(mood.id)]])
      expect(counts).toMatchObject({ moods: 1, history: 1 })
      expect(heldIn(counts)).toMatchObject({ backfill: 1 })
    }
  })

  it('names missing what a row has shown to be published once, or claims to be, and what is not there', () => {
    const first = { at: NOW, direct: true }
    const forgottenRow = { uri: null, cid: null, firstPublished: first }
    const claim = { uri: uriOf(account.did!, 'x'), cid: null, firstPublished: null }
    for (const known of [forgottenRow, claim]) {
      const world: World = { moods: new Map(), records: new Map() }
      const mood = aMood()
      const { rkey } = mood.sync
      const sync = { ...unseen({ rkey, uri: null, cid: null, attempts: 0 }), ...known }
      world.moods.set(mood.id, { ...mood, sync })
      for (const policy of [FEDERATE_ALL, FEDERATE_NONE]) {
        expect(audit(world, { policy }).findings).toMatchObject([{ kind: 'missing', rkey: null, moodId: mood.id }])
      }
    }
  })

  it('counts as held what federation holds, and only that: without a record, and with one as the row names it', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const fresh = aMood()
    world.moods.set(fresh.id, { ...fresh, sync: held(enqueued(fresh.sync, NOW), 'federation_off') })
    const edited = settle(world, aMood())
    DAMAGE.held(world, { ...edited, intensity: 3 })
    settle(world, aMood({ deleted: { by: 'author', records: 'keep' } }))
    settle(world, aMood({ isPrivate: true }))
    settle(world, aMood())
    const off = audit(world, { policy: FEDERATE_NONE })
    expect(off).toMatchObject({
      findings: [],
      counts: { moods: 5, held: 2, kept: 1, private: 1, synced: 1, inFlight: 0 },
    })
    expect(heldIn(off.counts)).toEqual({ private: 1, kept: 1, federation_off: 2, no_account: 0, backfill: 0 })
    expect(audit(world)).toMatchObject({ findings: [], counts: { held: 0, inFlight: 2 } })
    put(world, edited.sync.rkey, { ...recordOf(edited), text: 'other' })
    const found = audit(world, { policy: FEDERATE_NONE })
    expect(found).toMatchObject({ findings: [{ kind: 'drift', hold: 'federation_off' }], counts: { held: 1 } })
  })

  it('removes a copy at the key of another mood, and has the record written at its own key', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const [first, second] = [settle(world, aMood({ text: 'one' })), settle(world, aMood({ text: 'two' }))]
    // The first one is rejected, so that nothing is written at its key.
    world.moods.set(first.id, { ...first, sync: rejected(enqueued(first.sync, NOW), error) })
    put(world, first.sync.rkey, recordOf(second))
    world.records.delete(second.sync.rkey)
    expect(audit(world).findings).toMatchObject([
      { kind: 'duplicate', moodId: second.id, fix: { kind: 'remove', rkey: first.sync.rkey } },
      { kind: 'dangling', moodId: second.id, fix: { kind: 'enqueue', rkey: second.sync.rkey } },
    ])
  })

  it('keeps the copy that is exactly right, also where it is not at the mood’s own key', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const mood = settle(world, aMood())
    DAMAGE.secondCopy(world, mood)
    DAMAGE.recordChanged(world, mood)
    const copy = [...world.records.keys()].find((rkey) => rkey !== mood.sync.rkey)
    expect(audit(world).findings).toMatchObject([
      { kind: 'duplicate', fix: { kind: 'remove', rkey: mood.sync.rkey } },
      { kind: 'unlinked', fix: { kind: 'adopt', rkey: copy } },
    ])
  })

  it('leaves the record of a kept mood alone at the key of another kept mood', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const deleted = { by: 'author', records: 'keep' } as const
    const [first, second] = [settle(world, aMood({ deleted })), settle(world, aMood({ deleted }))]
    put(world, first.sync.rkey, recordOf(second))
    world.records.delete(second.sync.rkey)
    expect(audit(world)).toMatchObject({ findings: [], counts: { kept: 1, absent: 1 } })
  })

  it('takes legacy records for their moods’ however they name them, and a repair changes no record', () => {
    const legacyWorlds = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }).chain((atOwnKey) => {
      const moods = atOwnKey.map((_, i) => aMood({ id: String(i).padStart(24, 'c'), text: `mood ${i}`, when: NOW + i }))
      const refs = moods.map(({ id }) => fc.option(spellingsOf(id), { nil: undefined, freq: 4 }))
      return fc.tuple(fc.constant(atOwnKey), fc.constant(moods), fc.tuple(...refs), fc.subarray([...UNCLEAR]))
    })
    fc.assert(
      fc.property(legacyWorlds, ([atOwnKey, moods, refs, unclear]) => {
        const world: World = { moods: new Map(), records: new Map() }
        for (const [i, mood] of moods.entries()) {
          const { rkey } = mood.sync
          world.moods.set(mood.id, { ...mood, sync: unseen({ rkey, uri: null, cid: null, attempts: 0 }) })
          const { ref: _, ...rest } = olderForm(mood)
          const key = atOwnKey[i] ? rkey : rkeyFor(NOW, `legacy ${mood.id}`, 0)
          put(world, key, refs[i] === undefined ? rest : { ...rest, ref: refs[i] })
        }
        for (const [i, ref] of unclear.entries()) {
          put(world, rkeyFor(NOW, `unclear ${i}`, 0), { ...olderForm(moods[0]!), ref: ref as string })
        }
        const before = new Map(world.records)
        const kinds = audit(world).findings.map(({ kind }) => kind)
        expect(kinds.filter((kind) => kind === 'unlinked')).toHaveLength(moods.length)
        expect(kinds.filter((kind) => kind === 'foreign')).toHaveLength(unclear.length)
        expect(kinds).toHaveLength(moods.length + unclear.length)
        for (let round = 0; round < 3; round++) {
          const chosen = audit(world).findings.filter(({ kind }) => REPAIRED.includes(kind))
          if (round > 0) expect(chosen).toEqual([])
          for (const finding of chosen) mend(world, finding)
        }
        expect(world.records).toEqual(before)
        expect(audit(world).counts).toMatchObject({ legacy: moods.length })
      }),
      { numRuns: 200 },
    )
  })

  it('takes one record without a reference for a mood’s, leaves further ones, and removes all of a private mood', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const mood = aMood()
    const { rkey } = mood.sync
    world.moods.set(mood.id, { ...mood, sync: unseen({ rkey, uri: null, cid: null, attempts: 0 }) })
    const { ref: _, ...rest } = olderForm(mood)
    for (const copy of ['a', 'b']) put(world, rkeyFor(NOW, copy, 0), rest)
    const kinds = (): string[] => audit(world).findings.map(({ kind }) => kind)
    expect(kinds()).toEqual(['unlinked', 'foreign'])
    put(world, rkey, recordOf(mood))
    expect(kinds()).toEqual(['unlinked', 'foreign', 'foreign'])
    DAMAGE.becamePrivate(world, world.moods.get(mood.id)!)
    expect(kinds()).toEqual(['leaked', 'leaked', 'leaked'])
  })

  it('counts a record of the older form as legacy, until it is to be modernised', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const mood = settle(world, aMood())
    DAMAGE.recordOfOlderForm(world, mood)
    const { cid } = world.records.get(mood.sync.rkey)!
    world.moods.set(mood.id, { ...mood, sync: { ...mood.sync, cid } })
    expect(audit(world)).toMatchObject({ findings: [], counts: { legacy: 1, synced: 0 } })
    expect(audit(world, { modernise: true }).findings).toMatchObject([{ kind: 'drift', fix: { cid } }])
  })

  it('counts rejected and unpublishable moods without a record, and finds nothing in them', () => {
    const world: World = { moods: new Map(), records: new Map() }
    const refused = aMood()
    const tooLong = aMood({ text: 'x'.repeat(3000) })
    world.moods.set(refused.id, { ...refused, sync: rejected(refused.sync, error) })
    world.moods.set(tooLong.id, { ...tooLong, sync: rejected(tooLong.sync, error) })
    expect(audit(world)).toMatchObject({ findings: [], counts: { moods: 2, rejected: 1, unpublishable: 1 } })
  })

  it('repairs every kind unless told otherwise, but for what others wrote and what cannot be read', () => {
    expect(REPAIRABLE.filter((kind) => !REPAIRED.includes(kind))).toEqual(['foreign', 'unreadable'])
    expect(FINDING_KINDS.filter((kind) => !REPAIRABLE.includes(kind))).toEqual(['odd'])
    expect(FINDING_KINDS[0]).toBe('leaked')
  })
})
