/** Random histories of a user: rows of every kind, a repo damaged in every way, and what changed while it was read. */

import fc from 'fast-check'
import type { AuditedRecord } from '../../src/domain/audit.ts'
import type { Mood } from '../../src/domain/mood.ts'
import type { OddMood } from '../../src/domain/read-mood.ts'
import { COLLECTION, rkeyFor } from '../../src/domain/record.ts'
import { enqueued } from '../../src/domain/sync.ts'
import { aMood, NOW } from './moods.ts'
import { spellingsOf, UNCLEAR } from './spellings.ts'
import { DAMAGE, olderForm, put, settle, type World } from './worlds.ts'

export interface History {
  /** Moods as they were read before the repo, and after it. */
  readonly before: readonly Mood[]
  readonly after: readonly Mood[]
  readonly odd: readonly OddMood[]
  readonly records: ReadonlyMap<string, AuditedRecord>
  readonly removing: ReadonlySet<string>
}

const hex = (i: number): string => String(i).padStart(24, 'a')
/** Ids as databases have them: also the same digits in another spelling, and what no record can name for certain. */
const idOf = (i: number, form: number): string =>
  [
    hex(i),
    hex(i),
    hex(i),
    hex(i),
    hex(i - 1).toUpperCase(),
    `my mood ${i}`,
    ` ${hex(i)}`,
    `ObjectId ${i}`,
    `"${hex(i)}"`,
  ][form]!

/** No record can hold it. */
const TOO_LONG = 'x'.repeat(4000)

const drafts = fc.array(
  fc.record({
    form: fc.nat({ max: 8 }),
    isPrivate: fc.boolean(),
    deletion: fc.constantFrom(null, null, null, 'withdraw' as const, 'keep' as const),
    text: fc.constantFrom('same', 'same', 'other', TOO_LONG, null),
    when: fc.constantFrom(NOW, NOW, NOW + 1, null),
  }),
  { maxLength: 12 },
)

const FURTHER = {
  pending: ({ moods }: World, mood: Mood) => void moods.set(mood.id, { ...mood, sync: enqueued(mood.sync, NOW) }),
  olderFormNoted: (world: World, mood: Mood) => {
    put(world, mood.sync.rkey, olderForm(mood))
    const { cid } = world.records.get(mood.sync.rkey)!
    world.moods.set(mood.id, { ...mood, sync: { ...mood.sync, state: 'published', cid } })
  },
  olderFormWithoutReference: (world: World, mood: Mood) => {
    const { ref: _, ...rest } = olderForm(mood)
    put(world, rkeyFor(NOW, `unnamed ${mood.id}`, 0), rest)
  },
  recordBesideOdd: (world: World, mood: Mood) => put(world, rkeyFor(NOW, 'odd key', 0), olderForm(mood)),
  keyThatIsNone: ({ moods }: World, mood: Mood) =>
    void moods.set(mood.id, { ...mood, sync: { ...mood.sync, rkey: `not a key ${mood.id}` } }),
  cidThatIsNone: ({ moods }: World, mood: Mood) =>
    void moods.set(mood.id, { ...mood, sync: { ...mood.sync, cid: 'bafyreinonsense' } }),
} as const

const damages = fc.array(
  fc.tuple(fc.nat({ max: 11 }), fc.constantFrom(...Object.values(DAMAGE), ...Object.values(FURTHER))),
  { maxLength: 8 },
)

/** What is named otherwise than by its own key: by an id in any spelling, or by nobody knows what. */
const references = fc.array(
  fc.oneof(
    fc.nat({ max: 12 }).chain((i) => spellingsOf(hex(i))),
    fc.constantFrom<unknown>(...UNCLEAR, 'my mood 3', ` ${hex(3)}`, 'nobody'),
  ),
  { maxLength: 3 },
)

/** Of each mood: 0 for one that stays, or what happens to it meanwhile. */
const changes = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 3), { minLength: 12, maxLength: 12 })
const oddKinds = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 3), { minLength: 12, maxLength: 12 })

export const histories = fc
  .record({
    drafts,
    damages,
    references,
    changes,
    oddities: oddKinds,
    removing: fc.nat({ max: 63 }),
    quiet: fc.nat({ max: 7 }),
  })
  .map((given): History => {
    const world: World = { moods: new Map(), records: new Map() }
    const unpublishable: Mood[] = []
    const ids = given.drafts.map(({ form, isPrivate, deletion, text, when }, i) => {
      const deleted = deletion && ({ by: 'author', records: deletion } as const)
      const id = idOf(i, form)
      const mood = aMood({ id, isPrivate, deleted, text: text ?? `mood ${i}`, when: when ?? NOW + i })
      if (text === TOO_LONG) unpublishable.push(mood)
      else settle(world, mood)
      return id
    })
    const isQuiet = given.quiet === 0
    for (const [i, damage] of isQuiet ? [] : given.damages) {
      const mood = world.moods.get(ids[i % ids.length] ?? '')
      if (mood) damage(world, mood)
    }
    for (const mood of unpublishable) world.moods.set(mood.id, mood)
    for (const [i, mongoId] of (isQuiet ? [] : given.references).entries()) {
      const value = { $type: COLLECTION, text: 'named', mongoId: mongoId as string }
      put(world, rkeyFor(NOW, `named ${i}`, 0), i % 2 === 0 ? value : { ...olderForm(aMood()), ref: mongoId as string })
    }
    const odd = isQuiet ? [] : oddOf(world, ids, given.oddities)
    const after = [...world.moods.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const before = after.flatMap((mood, i) => earlier(mood, isQuiet ? 0 : (given.changes[i] ?? 0)))
    const keys = [...world.records.keys(), ...after.map(({ sync }) => sync.rkey)]
    const removing = new Set(keys.filter((_, i) => !isQuiet && (given.removing >> i) % 2 === 1 && i < 6))
    return { before, after, odd, records: world.records, removing }
  })

function oddOf({ moods }: World, ids: readonly string[], oddities: readonly number[]): OddMood[] {
  return ids.flatMap((id, i): OddMood[] => {
    const mood = moods.get(id)
    const kind = oddities[i] ?? 0
    if (!mood || kind === 0) return []
    // One of them is beside a mood that can be read, and has its id.
    if (kind !== 3) moods.delete(id)
    const fault = { field: 'isPrivate', kind: 'type', mendable: false, meant: null } as const
    const rkeys = kind === 1 ? [mood.sync.rkey, rkeyFor(NOW, 'odd key', 0)] : []
    return [{ ...fault, id, user: 'u1', hasOddId: kind === 2, rkeys }]
  })
}

/** A mood as it was before; none for one that is new. */
function earlier(mood: Mood, change: number): Mood[] {
  const before = { ...mood, version: mood.version - 1 }
  if (change === 1) return []
  if (change === 2) return [{ ...before, text: 'before', isPrivate: !mood.isPrivate }]
  return change === 3 ? [{ ...before, sync: enqueued(mood.sync, NOW) }] : [mood]
}
