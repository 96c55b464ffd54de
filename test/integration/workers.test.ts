/** Workers tell the store that they are alive. */

import { expect, it } from 'vitest'
import { isAlive } from '../../src/domain/worker.ts'
import { Events } from '../../src/observe/events.ts'
import type { WorkerStore } from '../../src/ports/store.ts'
import { readHealth } from '../../src/operate/health.ts'
import { Engine } from '../../src/sync/engine.ts'
import { Heartbeat } from '../../src/sync/heartbeat.ts'
import { VERSION } from '../../src/version.ts'
import { recordedLog } from '../support/events.ts'
import { startApp, temporaryFolder } from '../support/installation.ts'
import { eventually } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import { createSite } from '../support/site.ts'

const self = { id: 'w', host: 'host-1', pid: 1, role: 'worker', version: VERSION } as const

it('a process with an engine of its own is known as a worker while it runs, and one without is not', async () => {
  await using site = await createSite()
  const { workers } = site.app.store
  expect(await workers.all()).toEqual([])
  {
    await using worker = await startApp(site.dataFolder, { role: 'worker', env: site.env })
    await using command = await startApp(site.dataFolder, { role: 'command', env: site.env })
    expect(command.address).toBeNull()
    const known = await workers.all()
    expect(known).toMatchObject([{ role: 'worker', pid: process.pid, version: VERSION }])
    expect(isAlive(known[0]!, worker.clock.now())).toBe(true)
  }
  const [ended, ...others] = await workers.all()
  expect([ended, others]).toMatchObject([{ role: 'worker', pid: process.pid, ended: true }, []])
  expect(isAlive(ended!, ended!.at)).toBe(false)
})

it('a server that publishes itself is known as a worker', async () => {
  await using folder = await temporaryFolder()
  await using app = await startApp(folder.path)
  expect(await app.store.workers.all()).toMatchObject([{ role: 'all', pid: process.pid }])
})

it('a worker that starts removes those that were last seen more than a day ago', async () => {
  await using site = await createSite()
  const { workers } = site.app.store
  const day = 24 * 60 * 60_000
  const last = { ...self, since: 0, policyVersion: null }
  await workers.beat({ ...last, id: 'long dead', at: site.now() - day - 1 })
  await workers.beat({ ...last, id: 'dead', at: site.now() - day })
  const stopping = new AbortController()
  const events = new Events(recordedLog().log)
  const heartbeat = new Heartbeat(
    { workers, clock: site, events, policyVersion: () => null, progressedAt: () => null },
    self,
  )
  stopping.abort()
  await heartbeat.run(stopping.signal)
  expect((await workers.all()).map(({ id }) => id)).toEqual(['dead', 'w'])
})

it('a worker that lives, and whose engine does not get any further, is told of until it does', async () => {
  await using site = await signedUpSite()
  const { app } = site
  const gate = { shut: null as PromiseWithResolvers<void> | null, tried: Promise.withResolvers<void>() }
  const policy = {
    get: async () => {
      if (gate.shut) gate.tried.resolve()
      await gate.shut?.promise
      return app.store.policy.get()
    },
  }
  const store = Object.create(app.store, { policy: { value: policy } }) as typeof app.store
  const events = new Events(recordedLog().log)
  const { client, host, places, clock } = app
  const others = { random: () => 0, eraseAccounts: false, changed: () => {}, seam: () => {} }
  const options = { owner: 'w', concurrency: 1, leaseMs: 6_000, pollMs: 10, sweepMs: 60_000, policy: null }
  const engine = new Engine({ store, client, host, places, clock, events, ...others }, options)
  const version = () => engine.policyVersion
  const heartbeat = new Heartbeat(
    { workers: app.store.workers, clock, events, policyVersion: version, progressedAt: () => engine.progressedAt },
    self,
  )
  const codes = async () => {
    await heartbeat.beat()
    return (await readHealth(app)).notices.map(({ code }) => code)
  }
  const stopping = new AbortController()
  const running = engine.run(stopping.signal)
  await eventually('a round', async () => engine.progressedAt === site.now())
  expect(await codes()).toEqual([])
  gate.shut = Promise.withResolvers<void>()
  site.forward(1_000)
  await gate.tried.promise
  // A round that was under way before has been finished by then.
  const lastRound = engine.progressedAt!
  site.forward(5 * 60_000 - (site.now() - lastRound))
  expect(await codes()).toEqual([])
  site.forward(1)
  expect(await codes()).toEqual(['worker_stuck'])
  const [notice] = (await readHealth(app)).notices
  expect(notice).toMatchObject({ level: 'problem', since: lastRound, detail: expect.stringContaining('(process 1)') })
  expect(notice?.text).toMatch(/^1 of 1 worker lives, but has not finished a round of work since \S+Z$/)
  gate.shut.resolve()
  gate.shut = null
  await eventually('another round', async () => engine.progressedAt === site.now())
  expect(await codes()).toEqual([])
  stopping.abort()
  await running
})

it('of workers that end in peace the last one is remembered, and every dead one', async () => {
  await using site = await createSite()
  const { workers } = site.app.store
  await workers.beat({ ...self, id: 'dead', since: 0, at: site.now() - 60_000, policyVersion: null })
  const stopping = new AbortController()
  stopping.abort()
  for (const id of ['a', 'b', 'c']) {
    site.forward(1)
    const events = new Events(recordedLog().log)
    const heartbeat = new Heartbeat(
      { workers, clock: site, events, policyVersion: () => 7, progressedAt: () => null },
      { ...self, id },
    )
    await heartbeat.run(stopping.signal)
  }
  const last = { ...self, id: 'c', since: site.now(), at: site.now(), policyVersion: 7, ended: true }
  expect(await workers.all()).toMatchObject([last, { id: 'dead' }])
})

it('a beat carries the version of the policy that is followed, and a worker is known since its start', async () => {
  await using site = await createSite()
  const { workers } = site.app.store
  let version: number | null = null
  const start = site.now()
  const events = new Events(recordedLog().log)
  const heartbeat = new Heartbeat(
    { workers, clock: site, events, policyVersion: () => version, progressedAt: () => null },
    self,
  )
  await heartbeat.beat()
  expect(await workers.all()).toEqual([{ ...self, since: start, at: start, policyVersion: null, progressedAt: null }])
  version = 3
  site.forward(2_000)
  await heartbeat.beat()
  expect(await workers.all()).toEqual([
    { ...self, since: start, at: start + 2_000, policyVersion: 3, progressedAt: null },
  ])
})

it('beats that the store does not take are logged once until one is taken, and stop nothing', async () => {
  await using site = await createSite()
  const real = site.app.store.workers
  let isAway = false
  const workers: WorkerStore = {
    beat: (worker) => (isAway ? Promise.reject(new Error('the database is away')) : real.beat(worker)),
    all: () => real.all(),
    forget: (id) => real.forget(id),
  }
  const { log, take } = recordedLog()
  const heartbeat = new Heartbeat(
    { workers, clock: site, events: new Events(log), policyVersion: () => null, progressedAt: () => null },
    self,
  )
  const beats = async (n: number) => {
    for (let i = 0; i < n; i++) await heartbeat.beat()
    return take().map(({ msg }) => msg)
  }
  expect(await beats(2)).toEqual([])
  isAway = true
  expect(await beats(3)).toEqual(['heartbeat failed, others take this worker for dead'])
  isAway = false
  expect(await beats(2)).toEqual(['heartbeat resumed'])
  isAway = true
  expect(await beats(2)).toHaveLength(1)
})
