/** Processes whose clocks are wrong for a while, beside others whose clocks are right, with a real PDS. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import { FeedHub } from '../../src/http/feed-hub.ts'
import { examine } from '../../src/operate/doctor.ts'
import { openStore } from '../../src/store/open.ts'
import { readHealth } from '../../src/operate/health.ts'
import { Wakeup } from '../../src/wakeup.ts'
import { startApp } from '../support/installation.ts'
import { eventually, listRecords } from '../support/repo.ts'
import type { Site } from '../support/site.ts'
import { signedUpSite } from '../support/signed-up.ts'

const HOUR = 3_600_000
const JUMPS = [
  ['30 s', 30_000],
  ['2 h', 2 * HOUR],
  ['400 days', 400 * 24 * HOUR],
  ['12 years', 12 * 365 * 24 * HOUR],
].flatMap(
  ([name, ms]) =>
    [
      [`${name} ahead`, ms],
      [`${name} behind`, -Number(ms)],
    ] as [string, number][],
)

let site: Site
/** Another process of the same installation, whose clock can be put wrong. */
let odd: App
let jump = 0
const cleanup = new AsyncDisposableStack()

beforeAll(async () => {
  site = cleanup.use(await signedUpSite(['alice', 'bob', 'cleo']))
  const clock = { now: () => site.now() + jump }
  odd = cleanup.use(await startApp(site.dataFolder, { role: 'command', env: site.env, overrides: { clock } }))
})
afterAll(() => cleanup.disposeAsync())

async function stateOf(id: string): Promise<string | undefined> {
  return (await site.app.store.moods.byId(id))?.sync.state
}

async function post(app: App, user: string, mood: string): Promise<string> {
  return (await app.moods.post(user, { mood })).mood.id
}

/** Both processes do what is due by their clocks, several times within a minute. */
async function aMinute(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await Promise.all([odd.engine.drain(), site.app.engine.drain()])
    site.forward(15_000)
  }
}

describe('a process whose clock is wrong for a minute', () => {
  it.each(JUMPS)(
    '%s: others publish meanwhile, and all else is published within two minutes of its being right',
    async (name, ms) => {
      const before = new Map<string, number>()
      for (const user of ['u1', 'u2', 'u3']) {
        const { did } = (await site.app.store.accounts.byUser(user))!
        before.set(user, (await listRecords(site.app.pdsUrl, did!)).length)
      }
      jump = ms
      // Back-offs, probes and leases are noted by the wrong clock, too.
      await site.pds.down()
      const ids = [await post(odd, 'u1', `${name} 1`), await post(site.app, 'u1', `${name} 2`)]
      await odd.engine.drain()
      await site.pds.up()
      ids.push(await post(odd, 'u2', `${name} 3`))
      const own = await post(site.app, 'u3', `${name} own`)
      await aMinute()
      expect(await stateOf(own)).toBe('published')
      jump = -ms
      ids.push(await post(odd, 'u2', `${name} 4`))
      await odd.engine.drain()
      // It dies with the lease.
      await odd.store.repos.mark('u2', odd.clock.now())
      await odd.store.repos.claim('dead', odd.clock.now(), odd.clock.now() + 6_000, 15_000, ['u2'])
      jump = 0
      site.forward(60_000)
      await site.app.engine.drain()
      site.forward(55_000)
      await site.app.engine.drain()
      for (const id of [...ids, own]) expect(await stateOf(id)).toBe('published')
      // Once each, at the key and in the order of its own: a post is numbered by the store.
      const posted = { u1: 2, u2: 2, u3: 1 }
      for (const [user, n] of Object.entries(posted)) {
        const { did } = (await site.app.store.accounts.byUser(user))!
        expect(await listRecords(site.app.pdsUrl, did!)).toHaveLength(before.get(user)! + n)
        const history = await site.app.store.moods.history(user, null, 100)
        expect(new Set(history.map(({ sync }) => sync.rkey)).size).toBe(history.length)
        const ordinals = history.map(({ ordinal }) => ordinal).toSorted((a, b) => a - b)
        expect(ordinals).toEqual(ordinals.map((_, i) => i + 1))
      }
      const { entries } = await site.app.moods.feed(null, null, 100, null)
      const whens = entries.map(({ mood }) => mood.when)
      expect(whens).toEqual(whens.toSorted((a, b) => b - a))
    },
  )
})

it.each([
  ['ahead', 2 * HOUR],
  ['behind', -2 * HOUR],
])('an erasure that begins by a clock 2 h %s ends within two minutes of its being right', async (name, ms) => {
  const user = `to be erased ${name}`
  await site.app.accounts.signUp(user, `gone-${name}`)
  await post(site.app, user, 'to be forgotten')
  await site.app.engine.drain()
  const { did } = (await site.app.store.accounts.byUser(user))!
  jump = ms
  const { receipt } = await odd.erasures.request(user)
  // Its answer is lost, so that the erasure has to wait for what may still land.
  await site.pds.down()
  await odd.engine.drain()
  await site.pds.up()
  site.forward(30_000)
  await odd.engine.drain()
  jump = 0
  for (let i = 0; i < 2; i++) {
    site.forward(60_000)
    await site.app.engine.drain()
  }
  const erasure = await site.app.store.erasures.byReceipt(receipt)
  expect(erasure).toMatchObject({ user: null })
  expect(await listRecords(site.app.pdsUrl, did!)).toEqual([])
})

it('the doctor tells whose clock is off', async () => {
  const clockOf = async (ms: number) => {
    const clock = { now: () => Date.now() + ms }
    const open = (config: Config) => openStore(config.store, '')
    const patient = { env: site.env, nodeVersion: '24.0.0', clock, openStore: open }
    for await (const check of examine(patient, new AbortController().signal)) if (check.name === 'clock') return check
    return null
  }
  expect(await clockOf(0)).toMatchObject({ level: 'ok' })
  expect(await clockOf(40_000)).toMatchObject({ level: 'warning' })
  const isOne = site.app.config.store.kind === 'sqlite'
  const message = isOne
    ? /^the clocks of a process and of the PDS differ by 2 h/
    : /^the clock of the machine is 2 h ahead/
  expect(await clockOf(2 * HOUR)).toMatchObject({ level: 'problem', message: expect.stringMatching(message) })
})

/** A live feed by a clock of its own, watched by somebody who is not signed in. */
function watchedFeed() {
  const clock = { off: 0, now: () => site.now() + clock.off }
  const changes = new Wakeup()
  const { store, moods } = site.app
  const shown = new Map<string, () => void>()
  const onError = (error: unknown): never => {
    throw error
  }
  const hub = new FeedHub({ store: store.moods, moods, clock, changes, onError })
  hub.watch({ viewer: null, show: ({ mood }) => shown.get(mood.text)?.(), hide: () => {}, end: () => {} })
  return {
    clock,
    /** Posts a mood, and waits until it is shown. */
    shows: async (app: App, mood: string): Promise<boolean> => {
      const seen = new Promise<void>((resolve) => shown.set(mood, resolve))
      await post(app, 'u3', mood)
      changes.raise()
      return seen.then(() => true)
    },
    [Symbol.asyncDispose]: () => hub.close(),
  }
}

describe('the live feed', () => {
  it('shows what is posted after another process, or its own, has posted by a clock that was ahead', async () => {
    await using feed = watchedFeed()
    const { clock } = feed
    expect(await feed.shows(site.app, 'by the right time')).toBe(true)
    jump = 2 * HOUR
    expect(await feed.shows(odd, 'by another’s wrong time')).toBe(true)
    expect(await feed.shows(site.app, 'and the right one')).toBe(true)
    clock.off = jump = 12 * 365 * 24 * HOUR
    expect(await feed.shows(odd, 'while the feed’s own clock is ahead')).toBe(true)
    clock.off = jump = 0
    expect(await feed.shows(site.app, 'once it is right')).toBe(true)
  })

  it('misses nothing when the clock is put back, by seconds or behind more changes than one reading brings', async () => {
    await using feed = watchedFeed()
    const { clock } = feed
    clock.off = jump = 30_000
    expect(await feed.shows(odd, 'by a clock that is a little ahead')).toBe(true)
    clock.off = jump = 0
    expect(await feed.shows(site.app, 'put back by seconds')).toBe(true)
    clock.off = jump = 2 * HOUR
    const many = Array.from({ length: 600 }, (_, i) => ({ mood: `one of many ${i}`, isPrivate: true }))
    for (const draft of many) await odd.moods.post('u3', draft)
    expect(await feed.shows(odd, 'the last of many')).toBe(true)
    clock.off = jump = 0
    expect(await feed.shows(site.app, 'put back behind many')).toBe(true)
    jump = 3 * HOUR
    expect(await feed.shows(odd, 'further ahead than all of them')).toBe(true)
    jump = 0
  })
})

describe('a process that compares its clock with the store’s', () => {
  it('posts have the store’s time while the own is more than a minute off, also from the start, and no other', async () => {
    let off = 2 * HOUR
    const ownClock = { now: () => Date.now() + off }
    const posted = async (app: App): Promise<number> => {
      const { mood } = await app.moods.post('u1', { mood: `posted ${off} ${Math.random()}` })
      expect(Number.parseInt(mood.id.slice(0, 8), 16)).toBe(Math.floor(mood.when / 1000))
      expect(mood.sync.dueAt).toBe(mood.when)
      return mood.when - Date.now()
    }
    await using app = await startApp(site.dataFolder, { role: 'command', env: site.env, overrides: { ownClock } })
    expect(Math.abs(await posted(app))).toBeLessThan(2_000)
    for (const ms of [0, 12 * 365 * 24 * HOUR, 0, -400 * 24 * HOUR, -2 * HOUR, 61_000, 0]) {
      off = ms
      expect(Math.abs(await posted(app)), `${ms}`).toBeLessThan(2_000)
    }
    off = 30_000
    expect(Math.abs((await posted(app)) - 30_000)).toBeLessThan(2_000)
  })

  it('a worker tells whose clock is off, by what its answers from the PDS say beside the store', async () => {
    let off = 0
    const ownClock = { now: () => Date.now() + off }
    await using worker = await startApp(site.dataFolder, { role: 'worker', env: site.env, overrides: { ownClock } })
    off = -2 * HOUR
    const { config, store, clock } = worker
    const notice = async () => {
      const { notices } = await readHealth({ store, clock, config, pdsUrl: worker.pdsUrl })
      return notices.find(({ code }) => code === 'clock_off')
    }
    const id = await post(worker, 'u1', 'what time is it')
    await eventually('a mood is published', async () => (await stateOf(id)) === 'published')
    const own = /^the clock of the machine is 2 h behind/
    await eventually('the worker knows two clocks', async () => own.test((await notice())?.text ?? ''))
    expect(await notice()).toMatchObject({ level: 'problem', detail: expect.stringMatching(/: 2 h behind$/) })
    off = 0
    await eventually('the notice is over', async () => (await notice()) === undefined)
  })
})
