/** Random histories against a small model: in the end the repo equals the model. */

import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DomainError } from '../../src/domain/errors.ts'
import type { Seam } from '../../src/sync/send.ts'
import { differences } from '../support/oracle.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

/** What the model knows of one mood. */
interface Entry {
  readonly id: string
  readonly text: string
  isPrivate: boolean
  deleted: 'no' | 'by author' | 'by nuke'
  /** A record that is kept may be there or not. */
  kept: boolean
}

type Step =
  | { readonly do: 'post'; readonly text: number; readonly isPrivate: boolean }
  | { readonly do: 'delete'; readonly which: number; readonly keep: boolean }
  | { readonly do: 'privacy'; readonly which: number; readonly isPrivate: boolean }
  | { readonly do: 'nuke'; readonly keep: boolean }
  | { readonly do: 'restore' | 'link' | 'work' }
  | { readonly do: 'outage'; readonly isDown: boolean }
  | { readonly do: 'crash'; readonly seam: Seam }
  | { readonly do: 'jump'; readonly seconds: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('post' as const), text: fc.nat({ max: 5 }), isPrivate: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), which: fc.nat(), keep: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('privacy' as const), which: fc.nat(), isPrivate: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('nuke' as const), keep: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restore' as const, 'link' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('work' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('outage' as const), isDown: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      seam: fc.constantFrom<Seam>('after-claim', 'before-write', 'after-write', 'after-settle'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('jump' as const), seconds: fc.integer({ min: -5, max: 3600 }) }),
  },
)

let site: Site
let dyingAt: Seam | null = null
let users = 0

beforeAll(async () => {
  site = await createSite(
    { PDS_RATE_LIMITS: 'off' },
    {
      seam: (name) => {
        if (name === dyingAt) throw new Error(`the process died ${name}`)
      },
    },
  )
  await site.pds.up()
  // A process that dies gives nothing back.
  const { repos } = site.app.store
  const release = repos.release.bind(repos)
  repos.release = (lease, how, now) => (dyingAt === null ? release(lease, how, now) : Promise.resolve())
})
afterAll(() => site[Symbol.asyncDispose]())

class History {
  readonly user = `user-${++users}`
  readonly entries: Entry[] = []
  isLinked = false

  async take(next: Step): Promise<void> {
    const { app } = site
    switch (next.do) {
      case 'post':
        return this.#post(`mood ${next.text}`, next.isPrivate)
      case 'delete':
        return this.#on(next.which, async (entry) => {
          await app.moods.delete(this.user, entry.id, next.keep ? 'keep' : 'withdraw')
          Object.assign(entry, { deleted: 'by author', kept: next.keep })
        })
      case 'privacy':
        return this.#on(next.which, async (entry) => {
          if (entry.deleted !== 'no') return
          await app.moods.edit(this.user, entry.id, { isPrivate: next.isPrivate })
          entry.isPrivate = next.isPrivate
        })
      case 'nuke':
        await app.moods.nuke(this.user, 'nuke', next.keep ? 'keep' : 'withdraw')
        for (const entry of this.entries)
          if (entry.deleted === 'no') Object.assign(entry, { deleted: 'by nuke', kept: next.keep })
        return
      case 'restore':
        await app.moods.nuke(this.user, 'restore')
        for (const entry of this.entries) if (entry.deleted === 'by nuke') entry.deleted = 'no'
        return
      case 'link':
        await app.accounts.signUp(this.user, `user-${this.user.split('-')[1]}`)
        this.isLinked = true
        return
      case 'work':
        return app.engine.drain()
      case 'outage':
        return next.isDown ? site.pds.down() : site.pds.up()
      case 'crash':
        dyingAt = next.seam
        await app.engine.drain()
        dyingAt = null
        return
      case 'jump':
        site.forward(next.seconds * 1000)
    }
  }

  /** Posting the latest text again adds nothing. */
  async #post(text: string, isPrivate: boolean): Promise<void> {
    const { mood } = await site.app.moods.post(this.user, { mood: text, isPrivate })
    const latest = this.entries.findLast((entry) => entry.deleted === 'no')
    const repeats = latest?.text === text && latest.isPrivate === isPrivate
    expect(mood.id === latest?.id).toBe(repeats)
    if (!repeats) this.entries.push({ id: mood.id, text, isPrivate, deleted: 'no', kept: false })
  }

  async #on(which: number, change: (entry: Entry) => Promise<void>): Promise<void> {
    const entry = this.entries[which % Math.max(1, this.entries.length)]
    if (entry) await change(entry)
  }

  /** Lets everything come to rest. */
  async rest(): Promise<void> {
    await site.pds.up()
    await this.take({ do: 'link' })
    for (let i = 0; i < 8; i++) {
      site.forward(60_000)
      await site.app.engine.drain()
    }
  }

  async check(): Promise<void> {
    const account = await site.app.store.accounts.byUser(this.user)
    const there = (await listRecords(site.app.pdsUrl, account!.did!)).map((record) => record.value['mongoId'])
    const must = this.entries.filter((entry) => entry.deleted === 'no' && !entry.isPrivate).map((entry) => entry.id)
    const may = this.entries
      .filter((entry) => entry.deleted !== 'no' && entry.kept && !entry.isPrivate)
      .map((entry) => entry.id)
    expect(new Set(there).size).toBe(there.length)
    expect(there).toEqual(expect.arrayContaining(must))
    expect([...must, ...may]).toEqual(expect.arrayContaining(there))
  }
}

it('any history of posts, deletions, nukes, outages, crashes and clock jumps ends as the model predicts', async () => {
  const seed = Number(process.env['SEED'] ?? 494_002)
  const numRuns = Number(process.env['HISTORIES'] ?? 40)
  console.log(`${numRuns} histories, SEED=${seed}`)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 30 }), async (steps) => {
      const history = new History()
      for (const next of steps) {
        try {
          await history.take(next)
        } catch (error) {
          if (!(error instanceof DomainError)) throw error
        }
      }
      await history.rest()
      await history.check()
    }),
    { numRuns, seed },
  )
  expect(await differences(site.app.pdsUrl, site.dataFolder)).toEqual([])
}, 300_000)
