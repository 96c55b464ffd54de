/** What is measured runs here: a PDS in a process of its own, and installations of ours that use it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { type App, createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { type Mood, objectId } from '../src/domain/mood.ts'
import { rkeyFor } from '../src/domain/record.ts'
import { initial } from '../src/domain/sync.ts'
import { temporaryFolder } from '../test/support/installation.ts'
import { unrepeated } from '../test/support/moods.ts'
import { BarePds } from './bare.ts'

const START = Date.now() - 1_000_000_000
let names = 0

/** A name that is still free. */
export function newName(kind: string): string {
  return `${kind}-${++names}`
}

/** What stands before the PDS. */
export interface Front extends AsyncDisposable {
  readonly url: string
}

/** A program of the bench in a process of its own, with what it says in its first line. */
export async function startChild(...args: string[]): Promise<AsyncDisposable & { readonly said: unknown }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    said: JSON.parse(line) as unknown,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
    },
  }
}

export class Site implements AsyncDisposable {
  readonly pds: BarePds
  /** Environment of an installation that uses this PDS. */
  readonly env: Readonly<Record<string, string>>
  readonly #resources: AsyncDisposableStack

  private constructor(pds: BarePds, env: Readonly<Record<string, string>>, resources: AsyncDisposableStack) {
    this.pds = pds
    this.env = env
    this.#resources = resources
  }

  /** @param front starts what stands between the installations and the PDS; nothing by default */
  static async start(front: ((pdsUrl: string) => Promise<Front>) | null = null): Promise<Site> {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const pds = await startChild('bench/pds.ts', `${folder.path}/network`)
    stack.use(pds)
    const { pdsUrl, plcUrl, adminPassword } = pds.said as Record<'pdsUrl' | 'plcUrl' | 'adminPassword', string>
    const between = front && stack.use(await front(pdsUrl))
    const env = {
      MOODS_DATA: `${folder.path}/moods`,
      PORT: '0',
      PDS_URL: between?.url ?? pdsUrl,
      PLC_URL: plcUrl,
      PDS_ADMIN_PASSWORD: adminPassword,
      PDS_RATE_LIMITS: 'off',
      PDS_TIMEOUT_MS: '30000',
      MOODS_SEAL_KEY: Buffer.alloc(32, 1).toString('base64'),
      AUTH_ISSUER: 'https://issuer.invalid/',
      AUTH_AUDIENCE: 'moods',
    }
    return new Site(new BarePds(pdsUrl, adminPassword), env, stack.move())
  }

  /** The installation, in this process. */
  open(): Promise<App> {
    return createApp(readConfig(this.env, { serves: true }), 'serve', { log: pino({ level: 'silent' }) })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync()
  }
}

/** What both sides of a comparison write. */
export function recordOf(i: number) {
  const when = START + i
  const id = objectId(when, 'bbbbbbbbbb', i)
  const value = {
    $type: 'computer.aesthetic.mood',
    text: `bench mood ${i}`,
    createdAt: new Date(when).toISOString(),
    mongoId: id,
  }
  return { rkey: rkeyFor(when, id, 0), value, id, when }
}

/** Users with accounts, and moods that are due. */
export async function prepare(app: App, repos: number, moods: number): Promise<string[]> {
  const users = Array.from({ length: repos }, () => newName('bench'))
  for (const user of users) await app.accounts.signUp(user, user)
  await app.engine.drain()
  for (const user of users) {
    for (let i = 0; i < moods / repos; i++) await addMood(app, user, i)
  }
  return users
}

async function addMood(app: App, user: string, i: number): Promise<void> {
  const { id, rkey, when } = recordOf(++names)
  const content = { text: `bench mood ${i}`, intensity: null, context: null, isPrivate: false }
  const mood: Mood = {
    ...content,
    id,
    user,
    ordinal: i + 1,
    when,
    deleted: null,
    version: 1,
    sync: initial(rkey, false, when),
  }
  await app.store.moods.add(unrepeated(mood))
}
