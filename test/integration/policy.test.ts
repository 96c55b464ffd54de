/** One policy for all processes, whatever their environments say: who seeds it, who follows it, and how fast. */

import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { FEDERATE_ALL, type PolicyMode, policyText, type StoredPolicy } from '../../src/domain/policy.ts'
import { unmarked } from '../../src/domain/queue.ts'
import { BEAT_MS } from '../../src/domain/worker.ts'
import { changeFederation } from '../../src/operate/federation.ts'
import type { Store } from '../../src/ports/store.ts'
import { openStore } from '../../src/store/open.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { aMood } from '../support/moods.ts'
import { federate } from '../support/policy.ts'
import { type Finished, runMoods, ServerProcess } from '../support/process.ts'
import { eventually, revisions } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import { createPds, createSite, type Site } from '../support/site.ts'

type Env = Readonly<Record<string, string>>

const NOT_FOLLOWED = 'FEDERATION in the environment is not followed: the policy in the store counts'

/** What FEDERATION says, in words. */
const WORDS = { on: 'on for all users', off: 'off', '10%': 'on for 10 % of the users' } as const

/** A server or a worker whose log can be read. @param federation what its environment says; null for nothing */
function start(env: Env, federation: string | null, role = 'worker'): Promise<ServerProcess> {
  const more = {
    LOG_LEVEL: env['LOG_LEVEL'] === 'warn' ? 'warn' : 'info',
    ...(federation === null ? {} : { FEDERATION: federation }),
  }
  return ServerProcess.run(process.execPath, ['bin/moods.js', role], { ...env, ...more })
}

/** An installation that nothing was started on, on a PDS that runs. */
async function freshInstallation() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const pds = stack.use(await createPds(`${folder.path}/network`))
  await pds.up()
  const env = environment(`${folder.path}/moods`, pds.env)
  const owned = stack.move()
  const { store: address, dataFolder } = readConfig(env, { serves: false })
  new DataFolder(dataFolder).checkWritable()
  const open = (): Promise<Store> => openStore(address, pds.env['PDS_URL']!)
  return { env, open, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function policyOf(open: () => Promise<Store>): Promise<StoredPolicy | null> {
  await using store = await open()
  return await store.policy.get()
}

/** What a process has logged of the policy at its start, and what its environment says where that is something else. */
async function startedWith(server: ServerProcess): Promise<{ federation: unknown; environment: unknown }> {
  await eventually('started', () => Promise.resolve(server.log.some(({ msg }) => msg === 'started')))
  const { federation, environment: asked = null } = server.log.find(({ msg }) => msg === 'started')!
  const hasWarned = (): boolean => server.log.some(({ msg }) => msg === NOT_FOLLOWED)
  if (asked !== null) await eventually('warned', () => Promise.resolve(hasWarned()))
  return { federation, environment: asked }
}

describe('the first policy', () => {
  it.each([
    ['on', 'off'],
    ['off', 'on'],
  ] as const)(
    'is what the environment of the first process says, %s; the others say so and follow',
    async (first, other) => {
      await using installation = await freshInstallation()
      const { env, open } = installation
      await using one = await start(env, first)
      await using two = await start(env, other)
      await using three = await start(env, null, 'serve')
      const stored = (await policyOf(open))!
      expect(stored).toMatchObject({ policy: { mode: first }, version: 1 })
      const federation = policyText(stored.policy)
      expect(await startedWith(one)).toEqual({ federation, environment: null })
      expect(await startedWith(two)).toEqual({ federation, environment: WORDS[other] })
      expect(await startedWith(three)).toEqual({ federation, environment: null })
      for (const server of [one, two, three]) expect(server.lines.join('\n')).toContain(`Federation is ${federation} (`)
    },
  )

  it('is one, also where processes start at the same time', async () => {
    await using installation = await freshInstallation()
    const { env, open } = installation
    await using stack = new AsyncDisposableStack()
    const environments = ['on', 'off', '10%', null] as const
    const workers = await Promise.all(environments.map((federation) => start(env, federation)))
    for (const worker of workers) stack.use(worker)
    const stored = (await policyOf(open))!
    expect(stored.version).toBe(1)
    const federation = policyText(stored.policy)
    const expected = environments.map((asked) => {
      const words = asked === null ? federation : WORDS[asked]
      return { federation, environment: words === federation ? null : words }
    })
    expect(await Promise.all(workers.map(startedWith))).toEqual(expected)
  })

  it.each([
    ['an empty database', 'on', 'Federation is on for all users (a new installation on an empty database).'],
    [
      'an existing one',
      'off',
      'Federation is off (a new installation on an existing database). To let more in: "moods federation allow @handle --execute", or "moods federation on --execute" for all.',
    ],
    [
      'one of an earlier version',
      'on',
      'Federation is on for all users (as before: earlier versions published everything by default).',
    ],
  ] as const)('on %s is %s where nobody says anything, and the start says so', async (database, mode, line) => {
    await using installation = await freshInstallation()
    const { env, open } = installation
    if (database !== 'an empty database') {
      await using store = await open()
      await store.archive.put('moods', [{ mood: aMood(), changedAt: 0 }])
      if (database === 'one of an earlier version') await store.archive.put('repos', [unmarked('u1')])
    }
    await using worker = await start(env, null)
    expect(worker.lines.join('\n')).toContain(line)
    expect(await policyOf(open)).toMatchObject({ policy: { mode }, version: 1 })
  })

  it.each([
    ['on', 'users'],
    ['on', 'moods'],
    ['100%', 'moods'],
  ] as const)(
    'is off where FEDERATION=%s and there are %s, and the start says that and what changes it',
    async (asked, what) => {
      await using installation = await freshInstallation()
      const { env, open } = installation
      {
        await using store = await open()
        if (what === 'moods') await store.archive.put('moods', [{ mood: aMood(), changedAt: 0 }])
        else await store.archive.put('handles', [{ user: 'u1', handle: 'alice' }])
      }
      await using worker = await start(env, asked)
      expect(await policyOf(open)).toMatchObject({ policy: { mode: 'off' }, version: 1 })
      const words = asked === 'on' ? 'on for all users' : 'on for 100 % of the users'
      expect(await startedWith(worker)).toEqual({ federation: 'off', environment: words })
      const remedy =
        'o let more in: "moods federation allow @handle --execute", or "moods federation on --execute" for all'
      const warning = worker.log.find(({ msg }) => msg === NOT_FOLLOWED)
      expect(warning).toMatchObject({ level: 40, remedy: `t${remedy}` })
      expect(worker.lines.join('\n')).toContain(
        `Federation is off (a new installation on an existing database). FEDERATION in the environment says ${words}, and is not followed. T${remedy}.`,
      )
    },
  )
})

interface Follower {
  readonly name: string
  readonly server: ServerProcess
}

/** When a process has begun to follow a version of the policy, in ms since 1970; null before. */
function followedAt({ server }: Follower, version: number): number | null {
  const line = server.log.find(({ msg, policyVersion }) => msg === 'policy followed' && policyVersion === version)
  return line === undefined ? null : Date.parse(String(line['time']))
}

it('every process logs a change of the policy as a warning: who made it, from what, to what and why', async () => {
  await using installation = await freshInstallation()
  const { env } = installation
  await using server = await start({ ...env, LOG_LEVEL: 'warn' }, null, 'serve')
  await using worker = await start({ ...env, LOG_LEVEL: 'warn' }, null)
  const changesIn = ({ log }: ServerProcess) => log.filter(({ msg }) => msg === 'policy followed')
  const processes = [server, worker]
  for (const [i, how] of ['off', 'on'].entries()) {
    expect((await runMoods(['federation', how, '--reason', 'a drill', '--execute'], env)).code).toBe(0)
    await eventually(`all follow to ${how}`, () =>
      Promise.resolve(processes.every((each) => changesIn(each).length === i + 1)),
    )
  }
  const line = { level: 40, by: expect.stringContaining('@') as string, reason: 'a drill' }
  for (const each of processes) {
    expect(changesIn(each)).toMatchObject([
      { ...line, from: 'on for all users', federation: 'off' },
      { ...line, from: 'off', federation: 'on for all users' },
    ])
  }
})

describe('with two workers of differing environments, and commands of none', () => {
  const USERS = ['alice', 'bob'] as const
  const INCLUDED: Readonly<Record<PolicyMode, readonly string[]>> = {
    off: [],
    allow: ['alice'],
    percent: [],
    on: USERS,
  }

  async function stage() {
    await using stack = new AsyncDisposableStack()
    const site = stack.use(await createSite())
    await site.pds.up()
    for (const handle of USERS) await site.app.accounts.signUp(handle, handle)
    await site.app.engine.drain()
    const followers: Follower[] = []
    for (const name of ['on', 'off']) followers.push({ name, server: stack.use(await start(site.env, name)) })
    const owned = stack.move()
    return { site, followers, [Symbol.asyncDispose]: () => owned.disposeAsync() }
  }

  /** Changes the policy with a command. @returns how long each worker took to follow, in ms */
  async function change({ app, env }: Site, followers: readonly Follower[], ...how: string[]): Promise<number[]> {
    const { code, stderr } = await runMoods(['federation', ...how, '--execute'], env)
    expect([code, stderr]).toEqual([0, stderr])
    const { version, at } = (await app.store.policy.get())!
    const isFollowed = (): boolean => followers.every((each) => followedAt(each, version) !== null)
    await eventually('the workers follow', () => Promise.resolve(isFollowed()))
    return followers.map((each) => followedAt(each, version)! - at)
  }

  it('all follow a change within a second, as heartbeats show, and moods are where it says', async ({ annotate }) => {
    await using setup = await stage()
    const { site, followers } = setup
    const { store } = site.app
    const took: number[] = []
    for (const how of [['off'], ['allow', '@alice'], ['percent', '0'], ['on']] as const) {
      took.push(...(await change(site, followers, ...how)))
      const stored = (await store.policy.get())!
      const posts = await Promise.all(USERS.map((user) => site.app.moods.post(user, { mood: how.join(' ') })))
      await eventually('each mood is out or held', async () => {
        const moods = await Promise.all(posts.map(({ mood }) => store.moods.byId(mood.id)))
        return moods.every((mood) => {
          const isIn = INCLUDED[how[0]].includes(mood!.user) || (how[0] === 'percent' && mood!.user === 'alice')
          return isIn ? mood!.sync.state === 'published' : mood!.sync.hold === 'federation_off'
        })
      })
      await eventually('heartbeats tell', async () => {
        const workers = await store.workers.all()
        return workers.length === 2 && workers.every(({ policyVersion }) => policyVersion === stored.version)
      })
    }
    await annotate(`followed after ${took.join(', ')} ms`)
    // A second, and what a busy machine adds to it.
    expect(Math.max(...took)).toBeLessThan(5_000)
  })

  it('nothing goes back and forth: once all is settled, no repo moves any more', async () => {
    await using setup = await stage()
    const { site, followers } = setup
    const { store } = site.app
    await change(site, followers, 'allow', '@alice')
    for (const user of USERS) {
      for (let i = 0; i < 5; i++) await site.app.moods.post(user, { mood: `mood ${i}` })
    }
    await eventually('settled', async () => {
      const { states, held } = await store.work.count()
      return states.published === 5 && held.federation_off === 5
    })
    const before = [await revisions(site.app.pdsUrl), await store.work.count()]
    const since = Date.now()
    // Each beat is four looks of an engine.
    await eventually('both have looked again and again', async () => {
      return (await store.workers.all()).every(({ at }) => at - since > 2 * BEAT_MS)
    })
    expect([await revisions(site.app.pdsUrl), await store.work.count()]).toEqual(before)
    for (const { server } of followers) expect(server.log.filter(({ level }) => Number(level) >= 50)).toEqual([])
  })

  it('who signs up while federation is off has an account, and their moods go out, soon after it is on', async () => {
    await using setup = await stage()
    const { site, followers } = setup
    await change(site, followers, 'off')
    await site.app.accounts.signUp('carol', 'carol')
    await site.app.accounts.signUp('silent', 'silent')
    const { mood } = await site.app.moods.post('carol', { mood: 'early' })
    const syncOf = async () => (await site.app.store.moods.byId(mood.id))!.sync
    await eventually('held', async () => (await syncOf()).hold === 'federation_off')
    await change(site, followers, 'on')
    await eventually('published', async () => (await syncOf()).state === 'published')
    expect(await site.app.store.accounts.byUser('carol')).toMatchObject({ state: 'ready', requeue: false })
    const stateOf = async (user: string) => (await site.app.store.accounts.byUser(user))!.state
    await eventually('an account without moods', async () => (await stateOf('silent')) === 'ready')
  })
})

it('a mood that a worker is about to hold while the policy lets it go is not left behind', async () => {
  await using site = await signedUpSite()
  const { app } = site
  await federate(app.store, { mode: 'off' })
  const { mood } = await app.moods.post('u1', { mood: 'in between' })
  await using slow = await startApp(site.dataFolder, { role: 'command', env: site.env })
  const { work } = slow.store
  const settle = work.settle.bind(work)
  work.settle = async (...args) => {
    await federate(app.store, FEDERATE_ALL)
    // Another worker follows at once, and finds nothing that is held.
    await app.engine.drain()
    work.settle = settle
    return settle(...args)
  }
  await slow.engine.drain()
  expect((await app.store.moods.byId(mood.id))!.sync).toMatchObject({ state: 'published', hold: null })
})

it('an account that an operator asks for is made beside workers that federation tells to make none', async () => {
  await using site = await createSite()
  await site.pds.up()
  const { app } = site
  await federate(app.store, { mode: 'off' })
  await app.accounts.signUp('u1', 'alice')
  // The worker takes the mark with it.
  await app.engine.drain()
  expect(await app.store.accounts.byUser('u1')).toMatchObject({ state: 'pending' })
  const stopping = new AbortController()
  const running = app.engine.runFor({ users: () => ['u1'], accountsOnly: true }, stopping.signal)
  await eventually('made', async () => (await app.store.accounts.byUser('u1'))?.state === 'ready')
  stopping.abort()
  await running
})

describe('two operators', () => {
  const look = new AbortController().signal

  it('of whom one changes the policy while the other looks: that one is told to look again', async () => {
    await using site = await createSite()
    const { store, clock } = site.app
    const overtaken: Store = {
      ...store,
      policy: {
        get: () => store.policy.get(),
        begin: (first) => store.policy.begin(first),
        save: async (policy) => {
          expect((await runMoods(['federation', 'off', '--reason', 'first', '--execute'], site.env)).code).toBe(0)
          return store.policy.save(policy)
        },
      },
    }
    const options = {
      change: { mode: 'percent', percent: 10, list: { how: 'keep', names: [] } },
      by: 'ada',
      reason: 'second',
      execute: true,
    } as const
    const changing = changeFederation(
      { store: overtaken, clock },
      options,
      () => {},
      () => {},
      look,
    )
    await expect(changing).rejects.toThrow('another operator has changed the policy meanwhile: look again')
    expect(await store.policy.get()).toMatchObject({ policy: { mode: 'off' }, reason: 'first', version: 2 })
  })

  it('who change it at the same time: as many changes are kept as commands say so', async () => {
    await using site = await createSite()
    const commands = ['off', 'on', 'off', 'on'].map((mode) => runMoods(['federation', mode, '--execute'], site.env))
    const done = await Promise.all(commands)
    const kept = done.filter(({ stdout }) => stdout.includes('Every process follows')).length
    expect((await site.app.store.policy.get())!.version).toBe(1 + kept)
    expect(kept).toBeGreaterThan(0)
    for (const { code, stdout, stderr } of done) {
      if (code === 0) expect(stdout).toMatch(/Every process follows|Nothing was changed/)
      else expect([code, stderr]).toEqual([3, expect.stringContaining('look again')])
    }
  })
})

it('a command whose environment says something else says so on standard error, and follows the store', async () => {
  await using site = await createSite()
  await federate(site.app.store, { mode: 'percent', percent: 10, allow: ['alice'] })
  const audit = (more: Env): Promise<Finished> => runMoods(['audit', '--all', '--json'], { ...site.env, ...more })
  const told =
    'FEDERATION in this environment says off; that is not followed: federation is on for 10 % of the users and for @alice.\n'
  const other = await audit({ FEDERATION: 'off' })
  expect([other.code, other.stderr]).toEqual([0, told])
  expect(JSON.parse(other.stdout)).toMatchObject({ command: 'audit', ok: true })
  expect((await audit({ FEDERATION: '10%', FEDERATION_ALLOW: '@alice' })).stderr).toBe('')
  expect((await audit({})).stderr).toBe('')
})
