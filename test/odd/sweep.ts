/** Every route of the API, asked by everybody whom an odd database names: nobody gets a fault of the server, or what is another's. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTrialSignIn } from '../../src/http/trial.ts'
import { Visitor } from '../support/installation.ts'
import type { OddWorld, StoredMood } from './world.ts'

export interface Sweep {
  readonly address: string
  /** The data folder of the installation, whose key signs tokens. */
  readonly folder: string
  readonly world: OddWorld
  readonly judge: (isRight: boolean, what: string) => void
}

/** What an answer shows of moods, wherever it does. */
interface Shown {
  readonly id?: string
  readonly moods?: readonly { readonly id: string }[]
}

/** Whom no database names, and a sign-in provider might. */
const STRANGERS = [
  '\uFFFD',
  'a\0b',
  ' ',
  '$where',
  '__proto__',
  'constructor',
  'a.b',
  'x'.repeat(3_000),
  '[object Object]',
]

/** One person who asks. */
class Person {
  readonly user: string
  readonly #sweep: Sweep
  readonly #moods: ReadonlyMap<string, StoredMood>
  readonly #visitor: Visitor

  constructor(sweep: Sweep, moods: ReadonlyMap<string, StoredMood>, user: string, token: string) {
    this.user = user
    this.#sweep = sweep
    this.#moods = moods
    this.#visitor = new Visitor(sweep.address, token)
  }

  /** Asks, and judges what comes. @param mayBeAway whether it needs the PDS of an account, which may be nowhere */
  async ask(method: string, path: string, body?: unknown, mayBeAway = false): Promise<{ status: number; body: Shown }> {
    const answer = await this.#visitor.request<Shown>(method, path, body)
    const name = `${method} ${path.slice(0, 120)} of ${JSON.stringify(this.user)}`
    const isFault = answer.status >= 500 && !(mayBeAway && answer.status === 503)
    this.#sweep.judge(!isFault, `${name} answered ${answer.status}`)
    const { id, moods = [] } = answer.body
    for (const shown of [...moods.map((mood) => mood.id), ...(id === undefined ? [] : [id])]) {
      const mood = this.#moods.get(shown)
      if (mood === undefined) continue
      this.#sweep.judge(mood.isGood, `${name} shows the odd ${mood.shown}`)
      this.#sweep.judge(mood.isShown || mood.user === this.user, `${name} shows ${mood.shown} of another`)
    }
    return answer
  }

  /** Watches what changes, until the first bytes have come. */
  async watch(): Promise<void> {
    const stop = new AbortController()
    const headers = { authorization: `Bearer ${this.#visitor.token}` }
    const { status, body } = await fetch(`${this.#sweep.address}/api/mood/stream`, { headers, signal: stop.signal })
    this.#sweep.judge(status < 500, `the stream of ${JSON.stringify(this.user)} answered ${status}`)
    await body?.getReader().read()
    stop.abort()
  }

  /** Reads whatever can be read. @param others moods that are not this user's for certain */
  async read(handles: readonly string[], others: readonly StoredMood[]): Promise<void> {
    await this.ask('GET', '/api/me')
    await this.ask('GET', '/api/mood/all?limit=5')
    for (const handle of handles) {
      await this.ask('GET', `/api/mood/all?for=${encodeURIComponent(`@${handle}`)}`)
      await this.ask('GET', `/api/mood/${encodeURIComponent(`@${handle}`)}`)
    }
    for (const { id } of others) {
      await this.ask('GET', `/api/mood/${encodeURIComponent(id)}`)
      await this.ask('GET', `/api/mood/${encodeURIComponent(id)}/record`, undefined, true)
    }
  }

  /** Tries to change what is odd, or another's. */
  async meddle(others: readonly StoredMood[]): Promise<void> {
    for (const { id, shown } of others) {
      const path = `/api/mood/${encodeURIComponent(id)}`
      const statuses = [
        (await this.ask('PATCH', path, { isPrivate: true })).status,
        (await this.ask('DELETE', path)).status,
      ]
      const isRefused = statuses.every((status) => status >= 400)
      this.#sweep.judge(isRefused, `${JSON.stringify(this.user)} has changed ${shown}: ${statuses.join(', ')}`)
    }
  }

  /** Does everything that users do with moods of their own. */
  async live(n: number): Promise<void> {
    const signUp = await this.ask('POST', '/api/signup', { handle: `sweep-${n}` })
    // A name that nobody could read again is none.
    if (signUp.status === 401) return
    await this.ask('GET', '/api/me')
    const posted = await this.ask('POST', '/api/mood', { mood: `swept ${n}` })
    if (posted.status === 200) {
      const path = `/api/mood/${posted.body.id}`
      await this.#expect('GET', path)
      await this.#expect('PATCH', path, { intensity: 5, context: 'a context' })
      await this.#expect('PATCH', path, { isPrivate: true })
      await this.ask('GET', `${path}/record`, undefined, true)
      await this.#expect('DELETE', path)
    }
    await this.ask('POST', '/api/mood', { mood: `swept and nuked ${n}` })
    await this.ask('POST', '/api/mood', { nuke: true })
    await this.ask('POST', '/api/mood', { nuke: false })
    await this.ask('POST', '/api/mood', { nuke: true, records: 'keep' })
    await this.ask('POST', '/api/mood', { nuke: false })
  }

  /** @returns whether the user is going to be forgotten */
  async leave(): Promise<boolean> {
    const { status, body } = await this.ask('POST', '/api/delete-erase-and-forget-me', {})
    const { receipt } = body as { receipt?: string }
    if (receipt !== undefined) await this.ask('GET', `/api/erasures/${receipt}`)
    await this.ask('POST', '/api/mood', { mood: 'after all' })
    return status === 202
  }

  /** What was posted a moment ago can be read and changed. */
  async #expect(method: string, path: string, body?: unknown): Promise<void> {
    const { status } = await this.ask(method, path, body)
    this.#sweep.judge(
      status === 200,
      `${method} of what ${JSON.stringify(this.user)} has just posted answered ${status}`,
    )
  }
}

/** Some of a list, from its whole length. */
function some<T>(list: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, Math.ceil(list.length / most))
  return list.filter((_, i) => i % step === 0)
}

/**
 * Has everybody do everything but leave.
 *
 * @returns how many people there are
 */
export async function sweepRoutes(sweep: Sweep): Promise<number> {
  const everybody = await peopleOf(sweep)
  const moods = await sweep.world.moods()
  const odd = some(
    moods.filter(({ isGood }) => !isGood),
    12,
  )
  const hidden = some(
    moods.filter(({ isGood, isShown }) => isGood && !isShown),
    4,
  )
  for (const [n, person] of everybody.entries()) {
    const others = [...odd, ...hidden.filter(({ user }) => user !== person.user)]
    await person.read(['person-1', 'person-2', `odd-user-${n}`, person.user], others)
    await person.watch()
    await person.meddle(others)
    await person.live(n)
  }
  return everybody.length
}

/** Has everybody leave who has no good mood, and judges what is left of them and of all others. */
export async function sweepOut(sweep: Sweep): Promise<void> {
  const before = await sweep.world.moods()
  const good = new Set(before.flatMap(({ user, isPlain }) => (isPlain ? [user] : [])))
  const gone = new Set<unknown>()
  for (const person of await peopleOf(sweep)) {
    if (!good.has(person.user) && (await person.leave())) gone.add(person.user)
  }
  const after = new Map((await sweep.world.moods()).map((mood) => [mood.name, mood]))
  for (const { name, user, bytes, shown, isGood } of before) {
    const now = after.get(name)
    if (gone.has(user)) sweep.judge(now === undefined, `${shown} is left of an erased user`)
    // A good one may be in the hands of the engine just now.
    else
      sweep.judge(isGood ? now !== undefined : now?.bytes === bytes, `the erasure of others took or changed ${shown}`)
  }
}

async function peopleOf(sweep: Sweep): Promise<readonly Person[]> {
  const { folder, world } = sweep
  const files = {
    readJson: (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown,
    writeJson: () => {},
  }
  const trial = await createTrialSignIn(files as never, Date.now)
  const moods = new Map((await world.moods()).map((mood) => [mood.id, mood]))
  const people = [...new Set([...(await world.people()), ...STRANGERS])]
  return Promise.all(people.map(async (user) => new Person(sweep, moods, user, await trial.issue(user))))
}
