/**
 * The walkthroughs of docs/architecture.md, walked: each is done once on a real installation while V8 counts calls, and every
 * function that the page names must have been called on that way.
 */

import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import type { ReadyAccount } from '../src/domain/account.ts'
import { cidOf, COLLECTION } from '../src/domain/record.ts'
import { auditUser } from '../src/operate/audit.ts'
import { Events } from '../src/observe/events.ts'
import { proofsOf } from '../src/operate/proof.ts'
import { Proving } from '../src/operate/proving.ts'
import { repair } from '../src/operate/repair.ts'
import { chosenAccounts, survey } from '../src/operate/survey.ts'
import { recordedLog } from './support/events.ts'
import { type PostedMood, startApp, type TemporaryFolder, temporaryFolder, Visitor } from './support/installation.ts'

interface Step {
  readonly file: string
  readonly name: string
}

/** Sections of the page: `## A post`, with steps such as `moods.ts` `post`. */
function walkthroughs(): Map<string, Step[]> {
  const sections = readFileSync('docs/architecture.md', 'utf8').split(/^## /m)
  const found = sections.map((section): [string, Step[]] => {
    const steps = [...section.matchAll(/`([\w/-]+\.ts)` `(#?\w+)`/g)].map(([, file, name]) => ({
      file: file!,
      name: name!,
    }))
    return [section.split('\n')[0]!, steps]
  })
  return new Map(found.filter(([, steps]) => steps.length > 0))
}

/** Counts calls of the functions below `src/`. */
class Calls implements AsyncDisposable {
  readonly #session = new Session()

  static async start(): Promise<Calls> {
    const calls = new Calls()
    calls.#session.connect()
    await calls.#session.post('Profiler.enable')
    await calls.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    return calls
  }

  /** Names of the functions called since the last time, as `file name`. */
  async take(): Promise<ReadonlySet<string>> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage')
    return new Set(
      result.flatMap(({ url, functions }) => {
        const file = /\/src\/([\w/-]+\.ts)$/.exec(url)?.[1]
        const called = functions.filter(({ ranges }) => ranges[0]!.count > 0)
        return file === undefined ? [] : called.map(({ functionName }) => `${file} ${functionName}`)
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }
}

const stack = new AsyncDisposableStack()
let folder: TemporaryFolder
let app: App
let calls: Calls
let visitor: Visitor

beforeAll(async () => {
  folder = stack.use(await temporaryFolder())
  app = stack.use(await startApp(folder.path, { role: 'serve' }))
  visitor = await new Visitor(app.address).as('alice')
  await app.engine.drain()
  calls = stack.use(await Calls.start())
})
afterAll(() => stack.disposeAsync())

async function call(method: string, path: string): Promise<void> {
  const response = await fetch(`${app.address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${visitor.token}`,
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body: '{}' } : {}),
  })
  expect(response.status).toBeLessThan(300)
}

const never = new AbortController().signal
let posted: PostedMood

/** A mood that was published, and whose record is gone. */
async function lose(text: string): Promise<void> {
  const { id } = await visitor.post(text)
  await app.engine.drain()
  const mood = (await app.store.moods.byId(id))!
  const account = await app.store.accounts.byUser(mood.user)
  const write = { action: 'delete', rkey: mood.sync.rkey } as const
  await app.client.write(account as ReadyAccount, COLLECTION, [write], never)
}

/** In the order of the page; each builds on what the ones before it have left. */
const WAYS: Readonly<Record<string, () => Promise<void>>> = {
  'A post': async () => {
    posted = await visitor.post('calm')
  },
  'A pass': () => app.engine.drain(),
  'A deletion': async () => {
    await call('DELETE', `/api/mood/${posted.id}`)
    await app.engine.drain()
  },
  'A repair': async () => {
    await lose('still calm')
    const { left } = await repair(
      app,
      ['@alice'],
      { execute: true },
      { onLeftOut: () => {}, onDeletions: () => {} },
      () => {},
      never,
    )
    expect(left).toBe(0)
  },
  'A proof': async () => {
    const accounts = await chosenAccounts(app.store, ['@alice'])
    for (const incremental of [false, true]) {
      await survey(app, accounts, { incremental }, () => {}, never)
    }
    await auditUser(app, accounts[0]!.user)
    await proofsOf(app, '@alice', { check: false }, () => {}, never)
    await call('GET', '/api/me/proof')
  },
  'A comparison': async () => {
    const { user } = (await app.store.moods.byId(posted.id))!
    for (let i = 0; i < 200; i++) await app.moods.post(user, { mood: `mood ${i}` })
    await app.engine.drain()
    const account = (await app.store.accounts.byUser(user)) as ReadyAccount
    const value = { $type: COLLECTION, text: 'not ours', createdAt: new Date(0).toISOString() }
    const write = { action: 'create', rkey: '2222222222222', value, cid: cidOf(value) } as const
    await app.client.write(account, COLLECTION, [write], never)
    expect(await auditUser(app, user)).toMatchObject({ audit: { findings: [{ kind: 'foreign', moodId: null }] } })
  },
  'Proving all repos, again and again': async () => {
    await lose('as calm as before')
    await app.store.audits.forget((await app.store.moods.byId(posted.id))!.user)
    const { log, take } = recordedLog()
    const how = { events: new Events(log), owner: 'w1', everyMs: 24 * 3_600_000, autoRepair: 'safe' } as const
    await new Proving({ ...app, ...how }).look(never)
    expect(take().map(({ msg }) => msg)).toEqual(['repo differs from the database', 'repair ordered by itself'])
    await app.engine.drain()
  },
  'An erasure': async () => {
    await call('POST', '/api/delete-erase-and-forget-me')
    await app.engine.drain()
  },
  'What operators are told': async () => {
    await using worker = await startApp(folder.path, { role: 'worker' })
    expect(worker.address).toBeNull()
    await call('GET', '/readyz')
  },
}

describe('the walkthroughs', () => {
  it('are all walked here', () => {
    expect([...walkthroughs().keys()]).toEqual(Object.keys(WAYS))
  })

  it.each(Object.keys(WAYS))('%s calls every function that the page names for it', async (title) => {
    await calls.take()
    await WAYS[title]!()
    const called = await calls.take()
    const steps = walkthroughs().get(title)!
    expect(steps.length).toBeGreaterThan(3)
    expect(steps.filter(({ file, name }) => !called.has(`${file} ${name}`))).toEqual([])
  })
})
