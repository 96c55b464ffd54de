import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  adopted,
  delayed,
  enqueued,
  failed,
  forgotten,
  held,
  initial,
  isSynced,
  type MoodSync,
  published,
  rejected,
  STEPS,
  SYNC_STATES,
  type SyncState,
  unseen,
  withdrawn,
} from './sync.ts'

const error = { code: 'X', message: 'x', at: 1 }
const first = { at: 3, direct: true }
const record = { rkey: 'key', uri: 'at://did/c/key', cid: 'cid' }
const constructors: Record<keyof typeof STEPS, (sync: MoodSync) => MoodSync> = {
  enqueued: (sync) => enqueued(sync, 5),
  delayed: (sync) => delayed(sync, 9),
  failed: (sync) => failed(sync, 9, error),
  held: (sync) => held(sync, 'no_account'),
  published: (sync) => published(sync, record.uri, record.cid, first),
  withdrawn: (sync) => withdrawn(sync),
  rejected: (sync) => rejected(sync, error),
  adopted: (sync) => adopted(sync, record, 9),
  forgotten: (sync) => forgotten(sync),
}

/** What must be true of a row in each state, whatever led there. */
function check(sync: MoodSync): void {
  expect(SYNC_STATES).toContain(sync.state)
  expect(sync.dueAt !== null).toBe(sync.state === 'pending')
  if (sync.state !== 'pending') expect(sync.error !== null).toBe(sync.state === 'rejected')
  expect(sync.hold !== null).toBe(sync.state === 'local')
  expect(isSynced(sync)).toBe(sync.state === 'published')
  if (sync.state === 'published') expect(sync.uri !== null && sync.cid !== null).toBe(true)
  if (sync.state === 'published') expect(sync.firstPublished).not.toBeNull()
  if (sync.state === 'withdrawn') expect(sync.uri === null && sync.cid === null).toBe(true)
}

describe('steps', () => {
  it('lead along the table, are refused where it has none, and never lead out of it', () => {
    const names = fc.constantFrom(...(Object.keys(STEPS) as (keyof typeof STEPS)[]))
    fc.assert(
      fc.property(fc.boolean(), fc.array(names, { maxLength: 30 }), (isPrivate, path) => {
        let sync = initial('key', isPrivate, 1)
        check(sync)
        for (const name of path) {
          const step = (): MoodSync => constructors[name](sync)
          const from: readonly SyncState[] = STEPS[name].from
          if (!from.includes(sync.state)) {
            expect(step).toThrow(/cannot be/)
            continue
          }
          const next = step()
          expect(next.state).toBe(STEPS[name].to)
          check(next)
          expect(next.rkey).toBe('key')
          sync = next
        }
      }),
    )
  })

  it('reach every state and leave every state', () => {
    const all = [...SYNC_STATES].toSorted()
    expect([...new Set(Object.values(STEPS).map(({ to }) => to))].toSorted()).toEqual(all)
    expect([...new Set(Object.values(STEPS).flatMap(({ from }): readonly SyncState[] => from))].toSorted()).toEqual(all)
  })

  it('are those that docs/architecture.md draws', () => {
    const [, drawing = ''] = readFileSync('docs/architecture.md', 'utf8').split('stateDiagram-v2')
    const drawn = [...drawing.matchAll(/^ *(\w+) --> (\w+): (.+)$/gm)].flatMap(([, from, to, names]) =>
      names!.split(', ').map((name) => `${from} ${to} ${name}`),
    )
    const table = Object.entries(STEPS).flatMap(([name, { from, to }]) => from.map((state) => `${state} ${to} ${name}`))
    expect(drawn.toSorted()).toEqual(table.toSorted())
  })

  it('that an operator takes leave a mood with work to be done alone', () => {
    const pending = initial('key', false, 1)
    expect(() => adopted(pending, record, 9)).toThrow('a pending mood cannot be adopted')
    expect(() => forgotten(pending)).toThrow('a pending mood cannot be forgotten')
  })
})

describe('when a mood was first published', () => {
  it('is noted once, and outlives whatever becomes of its record', () => {
    const names = fc.constantFrom(...(Object.keys(STEPS) as (keyof typeof STEPS)[]))
    fc.assert(
      fc.property(fc.array(names, { maxLength: 30, size: 'max' }), fc.boolean(), (path, isPrivate) => {
        let sync = initial('key', isPrivate, 1)
        for (const name of path) {
          if (!(STEPS[name].from as readonly SyncState[]).includes(sync.state)) continue
          const before = sync.firstPublished
          sync = constructors[name](sync)
          if (before !== null || sync.state !== 'published') expect(sync.firstPublished).toEqual(before)
          else expect(sync.firstPublished).toEqual(name === 'published' ? first : { at: 9, direct: false })
        }
      }),
    )
  })

  it('is not moved by publishing again', () => {
    const again = published(enqueued(published(initial('key', false, 1), 'at://x', 'y', first), 5), 'at://x', 'z', {
      at: 7,
      direct: false,
    })
    expect(again.firstPublished).toEqual(first)
  })
})

describe('unseen', () => {
  it('waits for a backfill, whatever its row claims', () => {
    const claims = { rkey: 'key', uri: 'at://x', cid: 'y', attempts: 0 }
    const sync = unseen(claims)
    check(sync)
    expect(sync).toMatchObject({ state: 'local', hold: 'backfill', ...claims })
  })
})

describe('enqueued', () => {
  it('forgets earlier attempts, and remembers the record that a reading showed', () => {
    const given = rejected(initial('key', false, 1), error)
    expect(enqueued(given, 7)).toMatchObject({ state: 'pending', dueAt: 7, attempts: 0, error: null, rkey: 'key' })
    const seen = { rkey: 'other', uri: 'at://x', cid: 'y' }
    expect(enqueued(given, 7, seen)).toMatchObject({ state: 'pending', dueAt: 7, ...seen })
  })
})

describe('adopted', () => {
  it('names the record that is there, at the key where it is', () => {
    const there = { rkey: 'other', uri: 'at://x', cid: 'y' }
    const given = rejected(initial('key', false, 1), error)
    const firstPublished = { at: 9, direct: false }
    expect(adopted(given, there, 9)).toMatchObject({
      state: 'published',
      attempts: 0,
      error: null,
      firstPublished,
      ...there,
    })
  })
})

describe('forgotten', () => {
  it('names no record, waits for a backfill, and keeps the record key and when it was first published', () => {
    const given = published(initial('key', false, 1), 'at://x', 'y', first)
    expect(forgotten(given)).toEqual({ ...initial('key', true, 1), hold: 'backfill', firstPublished: first })
  })
})

describe('initial', () => {
  it('makes work of a public mood and none of a private one', () => {
    expect(initial('key', false, 7)).toMatchObject({ state: 'pending', dueAt: 7, hold: null })
    expect(initial('key', true, 7)).toMatchObject({ state: 'local', dueAt: null, hold: 'private' })
  })
})
