import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aMood, NOW } from '../../test/support/moods.ts'
import { edited, restored, softDeleted } from './changes.ts'
import type { Mood } from './mood.ts'
import { held, published, rejected, unseen, withdrawn } from './sync.ts'

const LATER = NOW + 5
const error = { code: 'X', message: 'no', at: NOW }
const deletions = fc.record({
  by: fc.constantFrom('author' as const, 'nuke' as const),
  records: fc.constantFrom('withdraw' as const, 'keep' as const),
})

/** Moods in every state that one can be in. */
const moods = fc
  .record({
    isPrivate: fc.boolean(),
    intensity: fc.option(fc.integer({ min: 1, max: 10 })),
    context: fc.option(fc.constantFrom('tea', 'rain')),
    deleted: fc.option(deletions),
    state: fc.constantFrom('pending', 'published', 'withdrawn', 'rejected', 'no_account', 'unseen'),
  })
  .map(({ state, ...fields }): Mood => {
    const { sync } = aMood({ isPrivate: false })
    const states: Record<typeof state, Mood['sync']> = {
      pending: sync,
      published: published(sync, 'at://x', 'cid', { at: 1, direct: true }),
      withdrawn: withdrawn(sync),
      rejected: rejected(sync, error),
      no_account: held(sync, 'no_account'),
      unseen: unseen({ rkey: sync.rkey, uri: null, cid: null, attempts: 0 }),
    }
    return aMood(Object.assign(fields, { sync: states[state] }))
  })

/** A mood that was posted as private and has never left the primary. */
const secret = aMood({ isPrivate: true })

function isEnqueued(before: Mood, after: Mood): void {
  expect(after.sync).toMatchObject({ state: 'pending', dueAt: LATER, attempts: 0, hold: null, error: null })
  const { rkey, uri, cid } = before.sync
  expect(after.sync).toMatchObject({ rkey, uri, cid })
}

describe('a change by the author', () => {
  it('makes work of a soft delete, and touches nothing else', () => {
    fc.assert(
      fc.property(moods, deletions, (mood, deletion) => {
        const after = softDeleted(mood, deletion, LATER)
        expect({ ...after, sync: mood.sync }).toEqual({ ...mood, deleted: deletion })
        isEnqueued(mood, after)
      }),
    )
  })

  it('takes a soft delete back: the mood is as before, and is work', () => {
    fc.assert(
      fc.property(moods, deletions, (mood, deletion) => {
        const after = restored(softDeleted(mood, deletion, NOW), LATER)
        expect({ ...after, sync: mood.sync }).toEqual({ ...mood, deleted: null })
        isEnqueued(mood, after)
      }),
    )
  })

  it('makes work of an edit that changes something, and of no other', () => {
    const patches = fc.record(
      {
        isPrivate: fc.boolean(),
        intensity: fc.option(fc.integer({ min: 1, max: 10 })),
        context: fc.option(fc.constantFrom('tea', 'rain')),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(moods, patches, (mood, patch) => {
        const after = edited(mood, patch, LATER)
        const isChange = Object.entries(patch).some(([field, value]) => mood[field as keyof typeof patch] !== value)
        expect({ ...after, sync: mood.sync }).toEqual({ ...mood, ...patch })
        if (isChange) isEnqueued(mood, after)
        else expect(after).toBe(mood)
      }),
      { numRuns: 300 },
    )
  })

  it('of a mood that has always been private is no work while it stays private', () => {
    const deletion = { by: 'author', records: 'withdraw' } as const
    const gone = softDeleted(secret, deletion, LATER)
    expect(gone).toEqual({ ...secret, deleted: deletion })
    expect(restored(gone, LATER)).toEqual(secret)
    expect(edited(secret, { intensity: 3 }, LATER)).toEqual({ ...secret, intensity: 3 })
  })

  it('that makes a private mood public is work, and so is making it private again', () => {
    const open = edited(secret, { isPrivate: false }, LATER)
    isEnqueued(secret, open)
    const again = edited(open, { isPrivate: true }, LATER)
    expect(again.isPrivate).toBe(true)
    // Its record may be on its way by now.
    isEnqueued(open, again)
  })

  it('is refused where a new mood would be: intensity from 1 to 10, a context of readable characters', () => {
    const mood = aMood()
    const invalid = expect.objectContaining({ code: 'invalid_mood' })
    for (const intensity of [0, 11, 1.5, Number.NaN]) expect(() => edited(mood, { intensity }, LATER)).toThrow(invalid)
    for (const context of ['a\u0000b', '\ud800', 'x'.repeat(10_001)]) {
      expect(() => edited(mood, { context }, LATER)).toThrow(invalid)
    }
    expect(edited(mood, { context: '  tea ' }, LATER).context).toBe('tea')
    expect(edited(mood, { context: ' \n ' }, LATER)).toBe(mood)
  })
})
