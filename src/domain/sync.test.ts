import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  initial,
  enqueued,
  isSynced,
  type MoodSync,
  held,
  published,
  rejected,
  SYNC_STATES,
  type SyncState,
  TRANSITIONS,
  withdrawn,
} from './sync.ts'

const error = { code: 'X', message: 'x', at: 1 }
const steps: Record<string, (sync: MoodSync) => MoodSync> = {
  enqueued: (sync) => enqueued(sync, 5),
  held: (sync) => held(sync, 'no_account'),
  published: (sync) => published(sync, 'at://did/c/k', 'cid'),
  withdrawn: (sync) => withdrawn(sync),
  rejected: (sync) => rejected(sync, error),
}

const TARGET: Record<string, SyncState> = {
  enqueued: 'pending',
  held: 'local',
  published: 'published',
  withdrawn: 'withdrawn',
  rejected: 'rejected',
}

/** What must be true of a row in each state, whatever led there. */
function check(sync: MoodSync): void {
  expect(SYNC_STATES).toContain(sync.state)
  expect(sync.dueAt !== null).toBe(sync.state === 'pending')
  expect(sync.error !== null).toBe(sync.state === 'rejected')
  expect(isSynced(sync)).toBe(sync.state === 'published')
  if (sync.state === 'published') expect(sync.uri !== null && sync.cid !== null).toBe(true)
  if (sync.state === 'withdrawn') expect(sync.uri === null && sync.cid === null).toBe(true)
}

describe('transitions', () => {
  it('lead along the table, are refused where it has none, and never out of it', () => {
    const names = fc.constantFrom(...Object.keys(steps))
    fc.assert(
      fc.property(fc.boolean(), fc.array(names, { maxLength: 30 }), (isPrivate, path) => {
        let sync = initial('key', isPrivate, 1)
        check(sync)
        for (const name of path) {
          const step = (): MoodSync => steps[name]!(sync)
          if (!TRANSITIONS[sync.state].includes(TARGET[name]!)) {
            expect(step).toThrow(/cannot become/)
            continue
          }
          const next = step()
          expect(next.state).toBe(TARGET[name])
          check(next)
          expect(next.rkey).toBe('key')
          sync = next
        }
      }),
    )
  })

  it('reach every state and leave every state', () => {
    const reached = new Set(SYNC_STATES.flatMap((state) => TRANSITIONS[state]))
    expect([...reached].toSorted()).toEqual([...SYNC_STATES].toSorted())
    for (const state of SYNC_STATES) expect(TRANSITIONS[state].length).toBeGreaterThan(0)
  })

  it('are those that docs/architecture.md draws', () => {
    const [, drawing = ''] = readFileSync('docs/architecture.md', 'utf8').split('stateDiagram-v2')
    const drawn = [...drawing.matchAll(/^ *(\w+) --> (\w+)/gm)].map(([, from, to]) => `${from} ${to}`)
    const table = SYNC_STATES.flatMap((from) => TRANSITIONS[from].map((to) => `${from} ${to}`))
    expect(drawn.filter((arrow) => !arrow.startsWith('new ')).toSorted()).toEqual(table.toSorted())
  })
})

describe('initial', () => {
  it('makes work of a public mood and none of a private one', () => {
    expect(initial('key', false, 7)).toMatchObject({ state: 'pending', dueAt: 7, hold: null })
    expect(initial('key', true, 7)).toMatchObject({ state: 'local', dueAt: null, hold: 'private' })
  })
})
