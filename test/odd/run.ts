/**
 * A database full of odd data, and everything that the product does with one: each command and each route. What comes of
 * it is judged by what stands in the database and on the PDS, without code of the product.
 */

import type { App } from '../../src/app.ts'
import { environment, startApp, temporaryFolder, Visitor } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'
import { listRecords } from '../support/repo.ts'
import { goodUser } from './people.ts'
import { type Sweep, sweepOut, sweepRoutes } from './sweep.ts'
import type { OddWorld, StoredMood } from './world.ts'

export interface OddOptions {
  /** Fills the database of an installation with this data folder. */
  readonly world: (folder: string) => Promise<OddWorld>
  /** How many odd documents or rows, which bounds what a command may ask of the database. */
  readonly documents: number
  readonly say: (line: string) => void
}

/** Requests to mongod that one command may need for one document, and for none. */
const REQUESTS = { each: 25, atLeast: 3_000 } as const

/** The longest that a command may take for one document, and for none, in seconds. */
const SECONDS = { each: 0.25, atLeast: 120 } as const

/** @returns what went wrong, a line each; none when everything is as it should be */
export async function runOdd(options: OddOptions): Promise<readonly string[]> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const world = stack.use(await options.world(folder.path))
  const env = { ...world.env, PDS_RATE_LIMITS: 'off' }
  const app = stack.use(await startApp(folder.path, { role: 'all', env }))
  const run = new OddRun(options, world, app, folder.path, environment(folder.path, env))
  return await run.all()
}

class OddRun {
  readonly #wrong: string[] = []
  readonly #options: OddOptions
  readonly #world: OddWorld
  readonly #app: App
  readonly #folder: string
  readonly #env: Record<string, string>

  constructor(options: OddOptions, world: OddWorld, app: App, folder: string, env: Record<string, string>) {
    this.#options = options
    this.#world = world
    this.#app = app
    this.#folder = folder
    this.#env = env
  }

  async all(): Promise<readonly string[]> {
    const before = await this.#bytes()
    const odd = (await this.#world.moods()).filter(({ isGood }) => !isGood)
    this.#options.say(`${before.size} moods, ${odd.length} of them odd`)
    await this.#look('off')
    await this.#commands()
    await this.#routes()
    await this.#published()
    await this.#unchanged(odd, before)
    await this.#swept()
    await this.#unchanged(odd, before)
    await this.#erased()
    await sweepOut(this.#sweep)
    return this.#wrong
  }

  get #sweep(): Sweep {
    const judge = (isRight: boolean, what: string): void => this.#judge(isRight, what)
    return { address: this.#app.address!, folder: this.#folder, world: this.#world, judge }
  }

  async #swept(): Promise<void> {
    const began = performance.now()
    const people = await sweepRoutes(this.#sweep)
    this.#options.say(`${people} people asked every route in ${((performance.now() - began) / 1000).toFixed(1)} s`)
    const { status } = await new Visitor(this.#app.address).send('/healthz')
    this.#judge(status === 200, `after that, /healthz answered ${status}`)
  }

  #judge(isRight: boolean, what: string): void {
    if (isRight) return
    this.#wrong.push(what)
    this.#options.say(`WRONG: ${what}`)
  }

  /** Every mood as it is stored, by its name, byte for byte. */
  async #bytes(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.#world.moods()).map(({ name, bytes }) => [name, bytes]))
  }

  /** Runs a command to its end, within its bounds. @param codes that it may end with */
  async #command(line: string, codes: readonly number[]): Promise<string> {
    const from = await this.#world.requests()
    const began = performance.now()
    const { code, stdout, stderr } = await runMoods(line.split(' '), this.#env)
    const requests = ((await this.#world.requests()) ?? 0) - (from ?? 0)
    const seconds = (performance.now() - began) / 1000
    this.#options.say(`${line}: ended with ${code} after ${seconds.toFixed(1)} s and ${requests} requests`)
    const all = this.#options.documents + 500
    const most = REQUESTS.atLeast + REQUESTS.each * all
    this.#judge(requests <= most, `${line}: ${requests} requests to the database, more than ${most}`)
    this.#judge(seconds <= SECONDS.atLeast + SECONDS.each * all, `${line}: took ${seconds} s`)
    this.#judge(codes.includes(code ?? -1), `${line}: ended with ${code}: ${(stderr + stdout).slice(-600)}`)
    this.#judge(
      !/internal error|unexpected error|TypeError|RangeError/i.test(stdout + stderr),
      `${line}: ${stderr.slice(-600)}`,
    )
    return stdout
  }

  async #look(when: string): Promise<void> {
    for (const line of ['doctor', 'status', 'federation', 'accounts list', 'accounts list --without', 'report']) {
      await this.#command(line, [0, 1, 3])
    }
    const checked = JSON.parse(await this.#command('data check --list --json', [0, 3])) as {
      oddities: { collection: string; id: string }[]
    }
    const ofMoods = checked.oddities.filter(({ collection }) => collection === this.#world.moodsName)
    const named = new Set(ofMoods.map(({ id }) => id))
    for (const { id, isGood, shown } of await this.#world.moods()) {
      const isNamed = named.has(id)
      this.#judge(isNamed !== isGood, `data check (${when}) ${isNamed ? 'names' : 'does not name'} ${shown}`)
    }
  }

  async #commands(): Promise<void> {
    await this.#command('accounts provision --execute', [0, 1])
    await this.#command('accounts check', [0, 1])
    await this.#command('federation on --execute', [0])
    await this.#command('backfill', [0, 1])
    await this.#command('backfill --execute', [0, 1])
    await this.#command('audit --all', [0, 1])
    await this.#command('repair --execute', [0, 1])
    const after = await this.#bytes()
    for (let i = 0; i < 2; i++) await this.#command('repair --execute', [0, 1])
    const again = await this.#bytes()
    const changed = [...again].filter(([id, bytes]) => after.get(id) !== bytes).map(([id]) => id)
    this.#judge(changed.length === 0, `another repair changed ${changed.slice(0, 5).join(', ')}`)
    await this.#command('retry', [0, 1])
    await this.#command('data mend', [0, 1, 3])
    await this.#command(`show ${goodUser(1)}`, [0, 1])
    await this.#look('on')
  }

  async #routes(): Promise<void> {
    const anyone = new Visitor(this.#app.address)
    const inFeed = new Set<string>()
    for (let cursor = '', pages = 0; pages < 1_000; pages++) {
      const path = `/api/mood/all?limit=50${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
      const { status, body } = await anyone.send<{ moods: { id: string }[]; cursor?: string | null }>(path)
      this.#judge(status === 200, `${path} answered ${status}`)
      if (status !== 200) break
      for (const { id } of body.moods) {
        this.#judge(!inFeed.has(id), `the feed shows ${id} twice`)
        inFeed.add(id)
      }
      if (!body.cursor) break
      cursor = body.cursor
    }
    for (const { id, isGood, isShown } of await this.#world.moods()) {
      const wanted = isGood && isShown
      this.#judge(inFeed.has(id) === wanted, `the feed ${wanted ? 'lacks' : 'shows'} ${id}`)
      const { status } = await anyone.send(`/api/mood/${encodeURIComponent(id)}`)
      this.#judge(
        status === (wanted ? 200 : status) && status < 500 && (status === 200) === wanted,
        `the route of ${id} answered ${status}`,
      )
    }
    await this.#witness(anyone)
  }

  /** Somebody who has nothing to do with any of it does what users do. */
  async #witness(anyone: Visitor): Promise<void> {
    const witness = await anyone.as('witness')
    const { id } = await witness.post('seen by a witness')
    const steps: readonly (readonly [string, () => Promise<{ status: number }>])[] = [
      ['/api/mood/@witness', () => witness.send('/api/mood/@witness')],
      ['feed of one', () => witness.send('/api/mood/all?for=@witness')],
      ['nuke', () => witness.send('/api/mood', { nuke: true })],
      ['restore', () => witness.send('/api/mood', { nuke: false })],
      ['by id', () => witness.send(`/api/mood/${id}`)],
    ]
    for (const [name, step] of steps) {
      const { status } = await step()
      this.#judge(status === 200, `${name} of a witness answered ${status}`)
    }
  }

  async #published(): Promise<void> {
    const texts = new Map<string, number>()
    for (const did of await this.#world.dids()) {
      const records = await listRecords(this.#app.pdsUrl, did).catch(() => [])
      for (const { value } of records) {
        const text = String(value['text'] ?? value['mood'])
        texts.set(text, (texts.get(text) ?? 0) + 1)
      }
    }
    for (const mood of await this.#world.moods()) {
      const count = texts.get(String(mood.text)) ?? 0
      if (mood.isPlain && mood.isGood && mood.isShown) {
        this.#judge(count === 1, `${mood.shown} is published ${count} times`)
      } else if (mood.isPlain || !mood.isGood) {
        // Other moods may have the same text where it is one of the nasty values.
        const isOwn = typeof mood.text === 'string' && /^(good|odd) \d+$/.test(mood.text)
        this.#judge(!isOwn || count === 0, `${mood.shown} is published`)
      }
    }
  }

  async #unchanged(odd: readonly StoredMood[], before: ReadonlyMap<string, string>): Promise<void> {
    const after = await this.#bytes()
    for (const { name, shown } of odd) {
      const isSame = before.get(name) === after.get(name)
      this.#judge(isSame, `${shown} has been ${after.has(name) ? 'changed' : 'deleted'}`)
    }
  }

  async #erased(): Promise<void> {
    const user = goodUser(3)
    const others = (moods: readonly StoredMood[]): number => moods.filter((mood) => mood.user !== user).length
    const before = others(await this.#world.moods())
    await this.#command(`erase ${user} --execute`, [0, 1])
    const after = await this.#world.moods()
    const left = after.filter((mood) => mood.user === user).map(({ shown }) => shown)
    this.#judge(left.length === 0, `moods of an erased user are left: ${left.slice(0, 3).join(', ')}`)
    this.#judge(others(after) === before, `an erasure took ${before - others(after)} moods of others`)
  }
}
