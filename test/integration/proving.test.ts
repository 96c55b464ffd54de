/** The continuous check of all repos, against a real PDS whose requests are noted on their way. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import type { AutoRepair } from '../../src/domain/auto-repairs.ts'
import { FINDING_KINDS, type FindingKind } from '../../src/domain/finding-kinds.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { Events } from '../../src/observe/events.ts'
import { Proving } from '../../src/operate/proving.ts'
import type { Timer } from '../../src/ports/clock.ts'
import type { RepoClient } from '../../src/ports/pds.ts'
import { damage, readyAccount } from '../support/damage.ts'
import { recordedLog } from '../support/events.ts'
import { type Asked, Gateway, pass } from '../support/gateway.ts'
import { startApp } from '../support/installation.ts'
import { primaryOf } from '../support/primary.ts'
import { type ListedRecord, listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const never = new AbortController().signal

/** Small repos are read whole, in one request. */
const READING = 'com.atproto.sync.getRepo'
const LISTS = 'com.atproto.sync.listRepos'

let site: Site
let users = 0
/** Methods that the PDS was asked for, in order. */
let asked: string[] = []
/** Answers in the place of the PDS; null where it answers itself. */
let instead: ((asked: Asked) => number | null) | null = null

/** Stands before the PDS and notes what it is asked for. */
async function noting(pdsUrl: string) {
  const gateway: Gateway = await Gateway.start(pdsUrl, (one, outgoing) => {
    asked.push(one.method)
    const status = instead?.(one) ?? null
    if (status === null) return gateway.forward(one, (answer) => pass(answer, outgoing))
    const body = JSON.stringify({ error: 'RateLimitExceeded', message: 'later' })
    return void outgoing.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' }).end(body)
  })
  return gateway
}

beforeAll(async () => {
  site = await createSite({ PDS_RATE_LIMITS: 'off' }, {}, noting)
  await site.pds.up()
})
afterAll(() => site[Symbol.asyncDispose]())
beforeEach(async () => {
  instead = null
  // What earlier tests have left is proven, so that each begins with all repos equal.
  site.forward(DAY)
  await worker('clean', { autoRepair: 'off' }).proving.look(never)
  await site.app.store.tasks.claim('proving', 'clean', site.now(), site.now())
  asked = []
})

/** Users with published moods. */
async function published(howMany: number, moods = 3): Promise<{ readonly user: string; readonly moods: Mood[] }[]> {
  const made: string[] = []
  for (let i = 0; i < howMany; i++) {
    const user = `u${++users}`
    made.push(user)
    await site.app.accounts.signUp(user, `proven-${users}`)
    for (let n = 0; n < moods; n++) await site.app.moods.post(user, { mood: `mood ${n}` })
  }
  await site.app.engine.drain()
  return Promise.all(
    made.map(async (user) => ({ user, moods: [...(await site.app.store.moods.history(user, null, 99))] })),
  )
}

interface Options {
  readonly app?: App
  readonly client?: RepoClient
  readonly timer?: Timer
  readonly autoRepair?: AutoRepair
}

/** A process that proves. */
function worker(
  owner: string,
  { app = site.app, client = app.client, timer = site.timer, autoRepair = 'off' }: Options = {},
) {
  const { log, take } = recordedLog()
  const deps = {
    store: app.store,
    client,
    clock: site,
    timer,
    events: new Events(log),
    owner,
    everyMs: DAY,
    autoRepair,
  }
  return { proving: new Proving(deps), take }
}

async function looksOf(user: string) {
  return (await site.app.store.audits.of([user])).get(user) ?? { good: null, failed: null }
}

const readings = (): number => asked.filter((method) => method === READING).length

async function recordsOf(user: string): Promise<ListedRecord[]> {
  return listRecords(site.realPds, (await readyAccount(site.app, user)).did)
}

/** Lets the engine work off what is ordered, and what that waits for. */
async function settle(): Promise<void> {
  await site.app.engine.drain()
  site.forward(20_000)
  await site.app.engine.drain()
}

describe('the continuous check', () => {
  /** What AUTO_REPAIR=safe leaves of each kind: the repo as it was before the damage, as it is damaged, or both without a record. */
  const LEFT: Readonly<Record<FindingKind, 'mended' | 'damaged' | 'withdrawn'>> = {
    leaked: 'withdrawn',
    missing: 'mended',
    drift: 'damaged',
    dangling: 'mended',
    unlinked: 'mended',
    duplicate: 'damaged',
    stray: 'damaged',
    foreign: 'damaged',
    unreadable: 'damaged',
    odd: 'damaged',
  }

  it('asks for next to nothing where nothing has changed, and for one repo where one has, soon after', async () => {
    const [one] = await published(3)
    const { proving } = worker('w1')
    site.forward(MINUTE)
    await proving.look(never)
    asked = []
    site.forward(20 * HOUR)
    const at = site.now()
    await proving.look(never)
    // The last page of the list is empty.
    expect(asked).toEqual([LISTS, LISTS])
    expect((await looksOf(one!.user)).good?.proof).toMatchObject({ seenAt: at })

    asked = []
    await site.app.moods.post(one!.user, { mood: 'new' })
    site.forward(30_000)
    await proving.look(never)
    expect(readings()).toBe(0)
    await site.app.engine.drain()
    site.forward(MINUTE)
    await proving.look(never)
    expect(readings()).toBe(1)
    expect((await looksOf(one!.user)).good).toMatchObject({
      counts: { moods: 4 },
      proof: { records: 4, at: site.now() },
    })
    await proving.run(AbortSignal.abort())
  })

  it('leaves a host alone that asks to wait, for longer each time, and comes back', async () => {
    await published(3)
    instead = () => 429
    const { proving } = worker('w1')
    const tries: number[] = []
    for (const wait of [1, 30_000, 31_000, MINUTE, MINUTE, MINUTE]) {
      site.forward(wait)
      asked = []
      await proving.look(never)
      tries.push(asked.length)
    }
    expect(tries).toEqual([1, 0, 1, 0, 1, 0])
    instead = null
    site.forward(HOUR)
    await proving.look(never)
    expect(await site.app.store.tasks.last('proving')).not.toBeNull()
    expect(readings()).toBe(3)
    await proving.run(AbortSignal.abort())
  })

  it('takes a tenth of the requests, whatever there is to prove, and gets through', async () => {
    const mine = await published(12, 1)
    const env = { ...site.env, PDS_RATE_LIMITS: 'on', REQUESTS_PER_5_MIN: '100' }
    await using app = await startApp(site.dataFolder, { role: 'command', env, overrides: { clock: site } })
    const { proving } = worker('w1', { app })
    const perWindow: number[] = []
    for (let window = 0; window < 12; window++) {
      site.forward(5 * MINUTE)
      asked = []
      for (let n = 0; n < 4; n++) await proving.look(never)
      perWindow.push(asked.length)
    }
    expect(Math.max(...perWindow)).toBeLessThanOrEqual(10)
    for (const { user } of mine) expect((await looksOf(user)).good?.proof).toMatchObject({ records: 1 })
    await proving.run(AbortSignal.abort())
  })

  it('is made by one worker at a time: two together read each repo once, and one goes on where the other was killed', async () => {
    const mine = await published(4)
    const release = Promise.withResolvers<void>()
    let comparisons = 0
    /** The process dies at its second reading: whatever it waits for never comes. */
    const dying: RepoClient = new Proxy(site.app.client, {
      get(target, name) {
        if (name === 'until') return () => dying
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return async (...args: unknown[]): Promise<unknown> => {
          if (name === 'compare' && ++comparisons === 2) await release.promise
          return Reflect.apply(method, target, args) as unknown
        }
      },
    })
    const stop = new AbortController()
    const killed = worker('w1', { client: dying })
    const other = worker('w2')
    site.forward(1)
    const hanging = killed.proving.look(stop.signal)
    await expect.poll(() => comparisons).toBe(2)
    await other.proving.look(never)
    expect(readings()).toBe(1)
    site.forward(31_000)
    await other.proving.look(never)
    expect(readings()).toBe(4)
    for (const { user } of mine) expect((await looksOf(user)).good?.proof).toMatchObject({ records: 3 })
    stop.abort()
    release.resolve()
    await hanging

    site.forward(DAY)
    asked = []
    for (const { moods } of mine) await damage(site.app, 'foreign', moods[0]!)
    const [first, second] = [worker('w3'), worker('w4')]
    await other.proving.run(AbortSignal.abort())
    await Promise.all([first.proving.look(never), second.proving.look(never)])
    await Promise.all([first.proving.look(never), second.proving.look(never)])
    expect(readings()).toBe(4)
    for (const { proving } of [first, second]) await proving.run(AbortSignal.abort())
  })

  it('waits while moods are due, and not for ever', async () => {
    const [one, two] = await published(2)
    await site.app.moods.post(one!.user, { mood: 'waits' })
    let waited = 0
    const timer: Timer = {
      now: () => site.timer.now(),
      async pause(ms, stop) {
        waited += ms
        if (waited === 1_000) await site.app.engine.drain()
        else if (waited > 1_000) await site.timer.pause(ms, stop)
      },
    }
    site.forward(1)
    asked = []
    const { proving } = worker('w1', { timer })
    await proving.look(never)
    expect(waited).toBe(1_000)
    expect(asked.find((method) => /putRecord|applyWrites|getRepo/.test(method))).not.toBe(READING)
    expect(readings()).toBe(2)

    // A mood that stays due, whatever it waits for.
    await site.app.moods.post(one!.user, { mood: 'stays' })
    await damage(site.app, 'foreign', two!.moods[0]!)
    site.forward(20 * HOUR)
    asked = []
    let idle = 0
    const patient = worker('w1', { timer: { now: () => 0, pause: async (ms) => void (idle += ms) } })
    await patient.proving.look(never)
    expect(readings()).toBeGreaterThanOrEqual(2)
    expect(idle).toBeGreaterThan(0)
    expect(idle).toBeLessThanOrEqual(30_000 * (readings() + 1))
    expect((await looksOf(two!.user)).good?.findings).toEqual({ foreign: 1 })
    await patient.proving.run(AbortSignal.abort())
    await settle()
  })

  it('finds what is planted of each kind within one cycle, and mends what is safe where it may', async () => {
    const planted = await published(FINDING_KINDS.length + 1)
    const { proving, take } = worker('w1')
    site.forward(1)
    await proving.look(never)
    for (const { user } of planted) expect((await looksOf(user)).good?.proof).toMatchObject({ records: 3 })
    const kindOf = new Map(FINDING_KINDS.map((kind, i) => [planted[i]!.user, kind]))
    const before = new Map(await Promise.all(planted.map(async ({ user }) => [user, await recordsOf(user)] as const)))
    site.forward(1)
    for (const { user, moods } of planted) {
      const kind = kindOf.get(user)
      if (kind === 'odd') await primaryOf(site.dataFolder).spoil(moods[1]!.id)
      else if (kind) await damage(site.app, kind, moods[1]!, site.now())
    }
    const damaged = new Map(await Promise.all(planted.map(async ({ user }) => [user, await recordsOf(user)] as const)))
    take()
    site.forward(DAY)
    await proving.look(never)
    for (const { user } of planted) {
      const kind = kindOf.get(user)
      const { good } = await looksOf(user)
      expect([kind, good?.findings]).toEqual([kind, kind ? { [kind]: 1 } : {}])
      expect(good?.proof === null).toBe(kind !== undefined)
      expect([kind, await recordsOf(user)]).toEqual([kind, damaged.get(user)])
    }
    const differing = () => take().filter(({ msg }) => msg === 'repo differs from the database').length
    expect(differing()).toBe(FINDING_KINDS.length)
    // Told once, until something else is found.
    site.forward(DAY)
    await proving.look(never)
    expect(differing()).toBe(0)

    await proving.run(AbortSignal.abort())
    const mending = worker('w2', { autoRepair: 'safe' })
    for (let round = 0; round < 2; round++) {
      site.forward(DAY)
      await mending.proving.look(never)
      await settle()
    }
    const found = mending.take()
    expect(found.filter(({ msg }) => msg === 'repair ordered by itself')).toHaveLength(4)
    expect(JSON.stringify(found)).not.toContain('mood 1')
    for (const { user, moods } of planted) {
      const kind = kindOf.get(user)
      const left = kind ? LEFT[kind] : 'mended'
      const wanted = left === 'damaged' ? damaged.get(user)! : before.get(user)!
      const { rkey } = moods[1]!.sync
      const rest = left === 'withdrawn' ? wanted.filter((record) => !record.uri.endsWith(rkey)) : wanted
      expect([kind, await recordsOf(user)]).toEqual([kind, rest])
    }
    site.forward(DAY)
    await mending.proving.look(never)
    for (const { user } of planted) {
      const kind = kindOf.get(user)
      const isLeft = kind !== undefined && LEFT[kind] === 'damaged'
      expect([kind, (await looksOf(user)).good?.findings]).toEqual([kind, isLeft ? { [kind]: 1 } : {}])
    }
  })
})

describe('a worker', () => {
  it('proves by itself, unless it is told not to', async () => {
    site.forward(HOUR)
    const at = site.now()
    const env = { ...site.env, PROVE_EVERY: '12h' }
    await using app = await startApp(site.dataFolder, { role: 'worker', env, overrides: { clock: site } })
    await expect
      .poll(() => app.store.tasks.last('proving'), { timeout: 20_000 })
      .toMatchObject({ at, everyMs: 12 * HOUR })
  })
})
