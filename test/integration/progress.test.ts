/** What operators see of a long command: moods, of how many, to the end. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backfill } from '../../src/operate/backfill.ts'
import { repair } from '../../src/operate/repair.ts'
import { auditUsers } from '../../src/operate/survey.ts'
import { damage } from '../support/damage.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

const HANDLES = ['alice', 'bob', 'carol']
const never = new AbortController().signal
const quiet = (): void => {}

/** Each kind of work in its order, with the counts that were shown. */
class Shown {
  readonly steps: { readonly what: string; readonly total: number; readonly done: number[] }[] = []

  readonly note = (what: string, done: number, total: number): void => {
    const last = this.steps.at(-1)
    if (last?.what === what) last.done.push(done)
    else this.steps.push({ what, total, done: [done] })
  }

  /** Each kind of work, and how many there were; never fewer than before, and all of them in the end. */
  ends(): [string, number][] {
    for (const { total, done } of this.steps) {
      expect(done).toEqual(done.toSorted((a, b) => a - b))
      expect(done.at(-1)).toBe(total)
    }
    return this.steps.map(({ what, total }) => [what, total])
  }
}

describe('the progress of a command', () => {
  let site: Site

  beforeAll(async () => {
    site = await signedUpSite(HANDLES, { env: { PDS_RATE_LIMITS: 'off' } })
    for (const [i] of HANDLES.entries()) {
      for (let n = 0; n < 4; n++) await site.app.moods.post(`u${i + 1}`, { mood: `mood ${n}` })
    }
    await site.app.moods.post('u1', { mood: 'private', isPrivate: true })
    await site.app.engine.drain()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('is that of all moods of the users who are audited', async () => {
    const all = new Shown()
    await auditUsers(site.app, [], {}, all.note, never)
    expect(all.ends()).toEqual([['moods read', 13]])
    const two = new Shown()
    await auditUsers(site.app, ['@bob', '@carol'], {}, two.note, never)
    expect(two.ends()).toEqual([['moods read', 8]])
  })

  it('goes on with what a repair has ordered, and with the second look', async () => {
    const moods = await site.app.store.moods.history('u2', null, 10)
    await damage(site.app, 'missing', moods[0]!)
    await damage(site.app, 'duplicate', moods[1]!)
    const shown = new Shown()
    const events = { onLeftOut: quiet, onDeletions: quiet }
    await repair(site.app, ['@bob'], { execute: true }, events, shown.note, never)
    expect(shown.ends()).toEqual([
      ['moods read', 4],
      ['moods repaired', 2],
      ['moods read again', 4],
    ])
  })

  it('grows with each mood that a backfill publishes', async () => {
    const moods = await site.app.store.moods.history('u3', null, 10)
    for (const mood of moods) await damage(site.app, 'missing', mood)
    const shown = new Shown()
    await backfill(site.app, [], { delayMs: 0, execute: true }, quiet, shown.note, never)
    expect(shown.ends()).toEqual([['moods', 13]])
    // While the engine works, and not only when a user is through.
    expect(shown.steps[0]!.done.length).toBeGreaterThan(HANDLES.length)
  })
})
