/** What operators are told, by real processes: servers and workers that start, stop, and die. */

import { describe, expect, it } from 'vitest'
import { LEDGER } from '../../src/domain/budget.ts'
import type { Notice, NoticeCode } from '../../src/domain/notice.ts'
import { readHealth } from '../../src/operate/health.ts'
import { frozenHost } from '../support/frozen.ts'
import { temporaryFolder, Visitor } from '../support/installation.ts'
import { ServerProcess, runMoods } from '../support/process.ts'
import { eventually } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'
import { signedUpSite } from '../support/signed-up.ts'

/** A worker of the same installation, configured otherwise. */
function startWorker({ env }: Site, more: Record<string, string> = {}): Promise<ServerProcess> {
  return ServerProcess.run(process.execPath, ['bin/moods.js', 'worker'], { ...env, ...more })
}

interface Document {
  readonly workers: readonly { readonly pid: number; readonly alive: boolean; readonly role: string }[]
  readonly notices: readonly (Omit<Notice, 'since'> & { readonly since: string | null })[]
}

async function status({ env }: Site): Promise<Document> {
  const { code, stdout, stderr } = await runMoods(['status', '--json'], env)
  if (stdout === '') throw new Error(stderr)
  const document = JSON.parse(stdout) as Document
  expect(code).toBe(document.notices.some(({ level }) => level === 'problem') ? 1 : 0)
  return document
}

const codesOf = ({ notices }: { readonly notices: readonly { readonly code: string }[] }) =>
  notices.map(({ code }) => code)

/** What is told at another time than the one at which the site's clock stands. */
async function told({ app }: Site, now: number): Promise<readonly Notice[]> {
  return (await readHealth({ ...app, clock: { now: () => now } })).notices
}

/** Until the notice is told, by a look in this process: one command after the other would keep the machine busy. */
function untilTold(site: Site, code: NoticeCode): Promise<void> {
  return eventually(
    `told: ${code}`,
    async () => (await told(site, Date.now())).some((found) => found.code === code),
    30_000,
  )
}

async function noticeAt(site: Site, code: NoticeCode, now: number): Promise<Notice> {
  const notices = await told(site, now)
  const notice = notices.find((found) => found.code === code)
  if (!notice) throw new Error(`no ${code} among ${notices.map((found) => found.code).join(', ')}`)
  return notice
}

describe('workers', () => {
  it('that are killed are missed ten seconds after their last beat, and one that starts or ends in peace is known at once', async () => {
    await using site = await createSite()
    const { workers } = site.app.store
    expect(codesOf(await status(site))).toEqual(['no_worker'])
    await using one = await startWorker(site)
    await using two = await startWorker(site, { SYNC_CONCURRENCY: '2' })
    const both = await status(site)
    expect(new Set(both.workers.map(({ pid }) => pid))).toEqual(new Set([one.child.pid, two.child.pid]))
    expect(codesOf(both)).toEqual([])

    await one.stop('SIGKILL')
    expect(await two.stop('SIGTERM')).toBe(0)
    const all = await workers.all()
    const [dead, ended] = [one, two].map(({ child }) => all.find(({ pid }) => pid === child.pid))
    expect([all.length, dead?.ended, ended?.ended]).toEqual([2, undefined, true])
    expect(await told(site, dead!.at + 10_000)).toEqual([])
    const second = new Date(ended!.at).toISOString().replace(/\.\d+/, '')
    expect(await noticeAt(site, 'no_worker', dead!.at + 10_001)).toMatchObject({
      since: ended!.at,
      text: `no worker is alive, so nothing is published: the last one ended in peace at ${second}`,
      detail: expect.stringContaining(`(process ${two.child.pid})`),
    })
    await workers.forget(ended!.id)
    expect(await noticeAt(site, 'no_worker', dead!.at + 10_001)).toMatchObject({
      since: dead!.at,
      text: 'no worker is alive, so nothing is published: the last one was heard of 10 s ago',
      detail: expect.stringContaining(`(process ${one.child.pid})`),
    })

    await using three = await startWorker(site)
    expect(codesOf(await status(site))).toEqual([])
    expect((await workers.all()).map(({ pid }) => pid)).toEqual(expect.arrayContaining([three.child.pid]))
    await workers.beat({ ...dead!, at: Date.now() - 60_000 })
    const beside = (await runMoods(['status'], site.env)).stdout
    expect(beside).toMatch(/workers +1 alive, 1 dead\n/)
    expect(beside).toMatch(
      new RegExp(`\\(process ${one.child.pid}\\) did not end in peace, and was last heard of 1 min( \\d+ s)? ago`),
    )
  })

  it('beat all the time that they are alive, and status tells of their death by itself', async () => {
    await using site = await createSite()
    await using worker = await startWorker(site)
    const { workers } = site.app.store
    const first = (await workers.all())[0]!
    await eventually('three more beats', async () => (await workers.all())[0]!.at >= first.at + 6_000)
    await worker.stop('SIGKILL')
    const { at } = (await workers.all())[0]!
    await untilTold(site, 'no_worker')
    expect(codesOf(await status(site))).toEqual(['no_worker'])
    expect(Date.now() - at).toBeGreaterThan(10_000)
  })
})

describe('a problem', () => {
  it('ends status and doctor with 1, a warning with 0; commands that only print numbers judge neither', async () => {
    await using site = await signedUpSite()
    const codesNow = async () => {
      const ended = [['status'], ['doctor'], ['report']].map((args) => runMoods(args, site.env))
      return (await Promise.all(ended)).map(({ code }) => code)
    }
    expect(await status(site)).toMatchObject({ notices: [{ code: 'no_worker', level: 'warning' }] })
    expect(await codesNow()).toEqual([0, 0, 0])
    await site.app.moods.post('u1', { mood: 'nobody publishes this' })
    expect(await status(site)).toMatchObject({ notices: [{ code: 'no_worker', level: 'problem' }] })
    expect(await codesNow()).toEqual([1, 1, 0])
  })
})

describe('a policy on federation', () => {
  it('that is off is told with who set it, when and why; workers follow it whatever their environment says, and one that does not is told of', async () => {
    await using site = await createSite()
    const { store } = site.app
    await using one = await startWorker(site, { FEDERATION: 'on' })
    await using two = await startWorker(site, { FEDERATION: '10%' })
    expect(codesOf(await status(site))).toEqual([])
    const stored = (await store.policy.get())!
    const at = Date.now()
    const policy = { ...stored.policy, mode: 'off' } as const
    const { version } = (await store.policy.save({ ...stored, policy, by: 'ada on host-9', at, reason: 'a drill' }))!
    const follows = async (pid: number | undefined) => {
      return (await store.workers.all()).some((worker) => worker.pid === pid && worker.policyVersion === version)
    }
    await eventually('followed', async () => (await follows(one.child.pid)) && (await follows(two.child.pid)))
    const { notices } = await status(site)
    expect(notices).toMatchObject([
      { code: 'federation_off', level: 'warning', detail: 'set by ada on host-9: a drill' },
    ])
    expect(Date.parse(notices[0]!.since!)).toBe(at)

    // As one that can still beat, but not read the policy.
    const worker = (await store.workers.all()).find(({ pid }) => pid === one.child.pid)!
    const late = at + 6_000
    await store.workers.beat({ ...worker, id: 'stuck', at: late, policyVersion: version - 1 })
    const behind = await noticeAt(site, 'worker_behind', late)
    expect(behind).toMatchObject({ level: 'problem', detail: expect.stringContaining(`(process ${one.child.pid})`) })
  })
})

describe('a server without an engine', () => {
  it('says at its start that workers publish, and whether one is alive, and takes posts all the same', async () => {
    await using folder = await temporaryFolder()
    const serve = async () => {
      const server = await ServerProcess.start(folder.path, {}, 'serve')
      await eventually('all is said', async () => server.lines.length === 3)
      return server
    }
    const ready = async ({ address }: ServerProcess) => {
      const response = await fetch(`${address}/readyz`)
      return { code: response.status, body: (await response.json()) as Document & { readonly status: string } }
    }
    {
      await using alone = await serve()
      expect(alone.lines[2]).toBe(
        'This process publishes nothing, workers do: no worker is alive now. ' +
          'Start one: "moods worker", or "moods all" in place of "moods serve".',
      )
      const alice = await new Visitor(alone.address).as('alice')
      const { id } = await alice.post('waits for a worker')
      const notices = [{ code: 'no_worker', level: 'problem', since: null, text: expect.stringContaining('no worker') }]
      expect(await ready(alone)).toEqual({ code: 200, body: { status: 'ready', notices } })

      await using worker = await ServerProcess.start(folder.path, {}, 'worker')
      await eventually('published', async () => (await alice.mood(id)).atproto.synced)
      expect(await ready(alone)).toEqual({ code: 200, body: { status: 'ready', notices: [] } })
      expect(await worker.stop('SIGTERM')).toBe(0)
      expect(codesOf((await ready(alone)).body)).toEqual(['no_worker'])
      expect(await alone.stop('SIGTERM')).toBe(0)
    }
    await using worker = await ServerProcess.start(folder.path, {}, 'worker')
    await using beside = await serve()
    expect(beside.lines[2]).toMatch(/^This process publishes nothing, workers do: "moods worker" on .+ is alive\.$/)
    expect(beside.lines[2]).toContain(`(process ${worker.child.pid})`)
  })
})

describe('the oldest pending mood', () => {
  it('is not one of a refused account, of which is told elsewhere, as long as another waits for something else; all is read once', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    const { accounts } = app.store
    const error = { code: 'AccountTakedown', message: '', at: 1 }
    await accounts.save({ ...(await accounts.byUser('u1'))!, state: 'needs_attention', error })
    for (let i = 0; i < 3; i++) await app.moods.post('u1', { mood: `of alice, ${i}` })
    const refused = (await app.store.work.oldestPending(1))[0]!
    const later = refused.sync.dueAt! + 10 * 60_000
    const alone = await noticeAt(site, 'moods_waiting', later)
    expect(alone.text).toBe(
      'the oldest pending mood has waited for 10 min, because the PDS refuses the account (AccountTakedown)',
    )
    site.forward(60_000)
    const { mood } = await app.moods.post('u2', { mood: 'of bob' })
    const reads = { policy: 0, workers: 0 }
    const store = Object.create(app.store, {
      policy: { value: { get: () => (reads.policy++, app.store.policy.get()) } },
      workers: { value: { all: () => (reads.workers++, app.store.workers.all()) } },
    }) as typeof app.store
    const { notices } = await readHealth({ ...app, store, clock: { now: () => later } })
    expect(notices.find(({ code }) => code === 'moods_waiting')).toMatchObject({
      detail: `mood ${mood.id}`,
      text:
        'a pending mood has waited for 9 min, because no worker is alive; ' +
        'older ones wait because the PDS refuses the account (AccountTakedown)',
    })
    expect(reads).toEqual({ policy: 1, workers: 1 })
  })
})

describe('a PDS that is stopped', () => {
  it('is named with the time since when it does not answer, until it is back; what waits for it says so', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    const post = async (mood: string) => (await app.moods.post('u1', { mood })).mood.id
    const isPublished = async (id: string) => (await app.store.moods.byId(id))?.sync.state === 'published'
    await using worker = await startWorker(site, { LOG_LEVEL: 'info' })
    const before = await post('before')
    await eventually('published', () => isPublished(before))
    expect(codesOf(await status(site))).toEqual([])

    const downAt = Date.now()
    await site.pds.down()
    const id = await post('meanwhile')
    await untilTold(site, 'pds_silent')
    const silent = (await status(site)).notices.find(({ code }) => code === 'pds_silent')!
    expect(Date.parse(silent.since!)).toBeGreaterThanOrEqual(downAt)
    expect(silent).toMatchObject({ level: 'problem', detail: app.pdsUrl })
    expect(silent.text).toMatch(
      /^the PDS has not answered since \S+Z; (it is probed again at \S+Z|the next request, or a worker, probes it)/,
    )

    const { receipt } = await app.erasures.request('u2')
    const soon = (await app.store.workers.all())[0]!.at + 1_000
    const open = await noticeAt(site, 'erasures_open', soon)
    expect(open.level).toBe('info')
    expect(open.text).toMatch(
      /^1 erasure is open, for \d+ s, waiting for "records deleted", because the PDS does not answer/,
    )
    expect(JSON.stringify(open)).not.toContain(receipt)

    // Twelve minutes on, with a worker that is still alive.
    const { dueAt } = (await app.store.moods.byId(id))!.sync
    const later = dueAt! + 12 * 60_000
    await app.store.workers.beat({ ...(await app.store.workers.all())[0]!, id: 'later', at: later })
    const waiting = await noticeAt(site, 'moods_waiting', later)
    expect(waiting).toMatchObject({ level: 'warning', since: dueAt, detail: `mood ${id}` })
    expect(waiting.text).toMatch(/^the oldest pending mood has waited for 12 min, because the PDS does not answer/)
    await app.store.workers.forget('later')
    await eventually('logged', async () => worker.errors.includes('the PDS has not answered since'))

    await site.pds.up()
    await eventually('published', () => isPublished(id), 45_000)
    await eventually('erased', async () => (await app.store.erasures.open(null, 1)).length === 0, 90_000)
    expect(codesOf(await status(site))).toEqual([])
    await eventually('logged', async () => worker.errors.includes('over: pds_silent'))
    expect(worker.errors.split('the PDS has not answered since')).toHaveLength(2)
  }, 180_000)

  it('and is back is known within seconds by a worker that has nothing to send, and so is another host of accounts', async () => {
    await using site = await createSite()
    await using frozen = await frozenHost()
    const { app } = site
    const { ledger } = app.store
    const silentSince = Date.now() - 60_000
    const miss = (host: string, at: number) => ledger.unreachable(LEDGER.requests(host), true, () => 0, Date.now(), at)
    await miss(app.pdsUrl, silentSince)
    await miss(frozen.url, silentSince + 1_000)
    const week = 7 * 24 * 60 * 60_000
    await miss('http://left.invalid', Date.now() - week - 1_000)
    const silentOnes = async () => (await status(site)).notices.find(({ code }) => code === 'pds_silent')
    expect(await silentOnes()).toMatchObject({
      text: expect.stringMatching(/^3 PDSes do not answer, the first since/),
      detail: expect.stringContaining(`, ${app.pdsUrl} since `),
    })

    await using worker = await startWorker(site, { LOG_LEVEL: 'info', PDS_TIMEOUT_MS: '500' })
    await eventually('left alone', async () => (await ledger.get(LEDGER.requests('http://left.invalid'))) === null)
    await site.pds.up()
    await eventually('told', async () => (await silentOnes())?.detail === frozen.url, 45_000)
    expect(Date.parse((await silentOnes())!.since!)).toBe(silentSince + 1_000)
    await eventually('logged', async () => worker.errors.includes('the PDS has not answered since'))
    expect(worker.errors).not.toContain('unexpected error')
  }, 90_000)

  it('and a worker that dies meanwhile leave the mood waiting for a worker first', async () => {
    await using site = await signedUpSite()
    const { app } = site
    await site.pds.down()
    const { id } = (await app.moods.post('u1', { mood: 'meanwhile' })).mood
    const { dueAt } = (await app.store.moods.byId(id))!.sync
    const codes = await told(site, dueAt! + 61_000)
    expect(codes.map(({ code, level }) => `${code} ${level}`)).toEqual(['no_worker problem', 'moods_waiting warning'])
    expect(codes[1]!.text).toBe('the oldest pending mood has waited for 1 min, because no worker is alive')
  })
})
