/** Two engines at one store: a lease that ends in the middle of a write. */

import { describe, expect, it } from 'vitest'
import { pino } from 'pino'
import { Events } from '../../src/observe/events.ts'
import type { AccountHost, RepoClient } from '../../src/ports/pds.ts'
import { Engine } from '../../src/sync/engine.ts'
import { listRecords } from '../support/repo.ts'
import type { Site } from '../support/site.ts'
import { signedUpSite } from '../support/signed-up.ts'

const LEASE_MS = 30

/** Something that a test waits for. */
class Moment {
  readonly reached: Promise<void>
  reach: () => void = () => {}

  constructor() {
    this.reached = new Promise((resolve) => {
      this.reach = resolve
    })
  }
}

/** A site with an account and one mood to be published, and an engine with short leases in front of the real client. */
async function siteWithWork(client: (real: RepoClient) => RepoClient) {
  const site = await signedUpSite()
  const { app } = site
  const { mood } = await app.moods.post('u1', { mood: 'slow' })
  const engine = new Engine(
    {
      store: app.store,
      client: client(app.client),
      places: app.places,
      // The account is there already.
      host: null as unknown as AccountHost,
      clock: site,
      random: () => 0.5,
      events: new Events(pino({ level: 'silent' })),
      eraseAccounts: false,
      changed: () => {},
      seam: () => {},
    },
    { owner: 'slow one', concurrency: 1, leaseMs: LEASE_MS, pollMs: 1000, sweepMs: 60_000, policy: null },
  )
  return { site, engine, mood, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() }
}

async function records(site: Site): Promise<number> {
  const { did } = (await site.app.store.accounts.byUser('u1'))!
  return (await listRecords(site.app.pdsUrl, did!)).length
}

describe('a write that takes longer than the lease', () => {
  it('a lease is renewed while a write takes longer than its term', async () => {
    const [writing, renewed, goOn] = [new Moment(), new Moment(), new Moment()]
    await using setup = await siteWithWork((real) => ({
      ...real,
      until() {
        return this
      },
      write: async (...args) => {
        writing.reach()
        await goOn.reached
        return real.write(...args)
      },
    }))
    const { site, engine, mood } = setup
    const { repos } = site.app.store
    const start = site.now()
    const renew = repos.renew.bind(repos)
    repos.renew = async (lease, until) => {
      const held = await renew(lease, until)
      if (until > start + LEASE_MS) renewed.reach()
      return held
    }
    const working = engine.drain()
    await writing.reached
    site.forward(LEASE_MS - 1)
    await renewed.reached
    site.forward(LEASE_MS - 1)
    expect(await repos.claim('other', site.now(), site.now() + 1000, 0)).toBeNull()
    goOn.reach()
    await working
    expect((await site.app.store.moods.byId(mood.id))?.sync.state).toBe('published')
    expect(await records(site)).toBe(1)
  })

  it('a write is given up once the lease is lost, and the new holder reads before writing', async () => {
    const [writing, passedOn, aborted] = [new Moment(), new Moment(), new Moment()]
    await using setup = await siteWithWork((real) => ({
      ...real,
      until() {
        return this
      },
      write: async (account, collection, writes, signal) => {
        const outcome = await real.write(account, collection, writes, new AbortController().signal)
        expect(outcome.kind).toBe('ok')
        writing.reach()
        // The answer is lost; only the end of the lease ends the waiting.
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        aborted.reach()
        return { kind: 'uncertain', code: 'Aborted', answered: false }
      },
    }))
    const { site, engine, mood } = setup
    const { store, engine: other } = site.app
    // The renewals come too late: one in time would keep the lease, even after its term.
    const renew = store.repos.renew.bind(store.repos)
    store.repos.renew = async (...args) => {
      await passedOn.reached
      return renew(...args)
    }
    const working = engine.drain()
    await writing.reached
    site.forward(LEASE_MS + 1)
    const taken = await store.repos.claim('other', site.now(), site.now() + 60_000, 15_000)
    expect(taken).toMatchObject({ user: 'u1', uncertain: true })
    passedOn.reach()
    await aborted.reached
    await working
    // The worker that lost the lease has released nothing.
    expect(await store.repos.renew(taken!, site.now() + 60_000)).toBe(true)
    await store.repos.release(taken!, { ...taken!, dueAt: site.now() }, site.now())
    let written = 0
    const write = site.app.client.write.bind(site.app.client)
    Object.assign(site.app.client, {
      until: () => site.app.client,
      write: (...args: Parameters<RepoClient['write']>) => {
        written++
        return write(...args)
      },
    })
    site.forward(60_000)
    await other.drain()
    expect(written).toBe(0)
    expect((await store.moods.byId(mood.id))?.sync.state).toBe('published')
    expect(await records(site)).toBe(1)
  })
})
