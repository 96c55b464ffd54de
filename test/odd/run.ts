/**
 * A MongoDB full of odd documents, and everything that the product does with one: each command and each route. What comes of
 * it is judged by what stands in the database and on the PDS, without code of the product.
 */

import { BSON, type Collection, type Db, type Document, MongoClient } from 'mongodb'
import type { App } from '../../src/app.ts'
import { environment, startApp, temporaryFolder, Visitor } from '../support/installation.ts'
import { isGood } from '../support/odd.ts'
import { runMoods } from '../support/process.ts'
import { listRecords } from '../support/repo.ts'
import { goodUser, mustBePublished, type OddDatabase, oddDatabase } from './documents.ts'

export interface OddOptions {
  readonly uri: string
  readonly database: string
  readonly documents: number
  readonly seed: number
  readonly say: (line: string) => void
}

/** Requests to mongod that one command may need for one document, and for none. */
const REQUESTS = { each: 25, atLeast: 3_000 } as const

/** @returns what went wrong, a line each; none when everything is as it should be */
export async function runOdd(options: OddOptions): Promise<readonly string[]> {
  const { uri, database, documents, seed } = options
  await using stack = new AsyncDisposableStack()
  const client = await new MongoClient(uri).connect()
  stack.defer(() => client.close())
  const db = client.db(database)
  stack.defer(async () => void (await db.dropDatabase()))
  await fill(db, oddDatabase(documents, seed))
  const folder = stack.use(await temporaryFolder())
  const env = { MONGODB_URI: uri, MONGODB_NAME: database, PDS_RATE_LIMITS: 'off' }
  const app = stack.use(await startApp(folder.path, { role: 'all', env }))
  const run = new OddRun(options, db, app, environment(folder.path, env))
  return await run.all()
}

async function fill(db: Db, { moods, users, handles }: OddDatabase): Promise<void> {
  const insert = async (name: string, found: readonly Document[]): Promise<void> => {
    // Two documents of one id, or an id that MongoDB takes for none: the others are there all the same.
    for (const each of found) {
      await db
        .collection(name)
        .insertOne({ ...each })
        .catch(() => null)
    }
  }
  await insert('moods', moods)
  await insert('users', users)
  await insert('@handles', handles)
}

class OddRun {
  readonly #wrong: string[] = []
  readonly #options: OddOptions
  readonly #db: Db
  readonly #moods: Collection
  readonly #app: App
  readonly #env: Record<string, string>

  constructor(options: OddOptions, db: Db, app: App, env: Record<string, string>) {
    this.#options = options
    this.#db = db
    this.#moods = db.collection('moods')
    this.#app = app
    this.#env = env
  }

  async all(): Promise<readonly string[]> {
    const before = await this.#bytes()
    const odd = (await this.#documents()).filter((document) => !isGood(document))
    this.#options.say(`${before.size} moods, ${odd.length} of them odd; seed ${this.#options.seed}`)
    await this.#look('off')
    await this.#commands()
    await this.#routes()
    await this.#published()
    await this.#unchanged(odd, before)
    await this.#erased()
    return this.#wrong
  }

  #judge(isRight: boolean, what: string): void {
    if (isRight) return
    this.#wrong.push(what)
    this.#options.say(`WRONG: ${what}`)
  }

  #documents(): Promise<Document[]> {
    return this.#moods.find({}, { promoteValues: true }).toArray()
  }

  /** Every mood as it is stored, by its id, byte for byte. */
  async #bytes(): Promise<ReadonlyMap<string, string>> {
    const found = await this.#moods.find({}, { raw: true }).toArray()
    return new Map(
      found.map((raw) => {
        const bytes = raw as unknown as Buffer
        return [nameOf(BSON.deserialize(bytes)), bytes.toString('base64')]
      }),
    )
  }

  async #requests(): Promise<number> {
    const { opcounters } = await this.#db.admin().serverStatus()
    return Object.values(opcounters as Record<string, number>).reduce((sum, each) => sum + each, 0)
  }

  /** Runs a command to its end, within its bounds. @param codes that it may end with */
  async #command(line: string, codes: readonly number[]): Promise<string> {
    const from = await this.#requests()
    const began = performance.now()
    const { code, stdout, stderr } = await runMoods(line.split(' '), this.#env)
    const requests = (await this.#requests()) - from
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    this.#options.say(`${line}: ended with ${code} after ${seconds} s and ${requests} requests`)
    const most = REQUESTS.atLeast + REQUESTS.each * (this.#options.documents + 500)
    this.#judge(requests <= most, `${line}: ${requests} requests to the database, more than ${most}`)
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
    const named = new Set(checked.oddities.filter(({ collection }) => collection === 'moods').map(({ id }) => id))
    for (const document of await this.#documents()) {
      const isNamed = named.has(productId(document))
      this.#judge(
        isNamed !== isGood(document),
        `data check (${when}) ${isNamed ? 'names' : 'does not name'} ${shown(document)}`,
      )
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
    const documents = await this.#documents()
    const isPublic = ({ isPrivate, deleted }: Document): boolean => isPrivate !== true && deleted !== true
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
    for (const document of documents) {
      const wanted = isGood(document) && isPublic(document)
      const id = productId(document)
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
    const documents = await this.#documents()
    const texts = new Map<string, number>()
    for (const { atproto } of await this.#db.collection('users').find().toArray()) {
      const did = (atproto as Document | null | undefined)?.['did'] as unknown
      if (typeof did !== 'string' || !did.startsWith('did:plc:')) continue
      const records = await listRecords(this.#app.pdsUrl, did).catch(() => [])
      for (const { value } of records) {
        const text = String(value['text'] ?? value['mood'])
        texts.set(text, (texts.get(text) ?? 0) + 1)
      }
    }
    for (const document of documents) {
      const { mood } = document
      const count = texts.get(String(mood)) ?? 0
      if (mustBePublished(document)) this.#judge(count === 1, `${shown(document)} is published ${count} times`)
      else if (document['mark'] === undefined || !isGood(document)) {
        // Other documents may have the same text where it is one of the nasty values.
        const isOwn = typeof mood === 'string' && /^(good|odd) \d+$/.test(mood)
        this.#judge(!isOwn || count === 0, `${shown(document)} is published`)
      }
    }
  }

  async #unchanged(odd: readonly Document[], before: ReadonlyMap<string, string>): Promise<void> {
    const after = await this.#bytes()
    for (const document of odd) {
      const id = nameOf(document)
      this.#judge(
        before.get(id) === after.get(id),
        `${shown(document)} has been ${after.has(id) ? 'changed' : 'deleted'}`,
      )
    }
  }

  async #erased(): Promise<void> {
    const user = goodUser(3)
    const others = await this.#moods.countDocuments({ user: { $ne: user } })
    await this.#command(`erase ${user} --execute`, [0, 1])
    const left = (await this.#documents()).filter((document) => document['user'] === user)
    this.#judge(
      left.length === 0,
      `${left.length} moods of an erased user are left: ${left.slice(0, 3).map(shown).join(', ')}`,
    )
    const now = await this.#moods.countDocuments({ user: { $ne: user } })
    this.#judge(now === others, `an erasure took ${others - now} moods of others`)
  }
}

/** A name of a document for these proofs alone. */
function nameOf({ _id }: Document): string {
  return BSON.EJSON.stringify({ _id }, { relaxed: false })
}

/** The id as the product says it: text of 24 hex digits has a prefix, so that it is not taken for an ObjectId. */
function productId({ _id }: Document): string {
  if (_id instanceof BSON.ObjectId) return _id.toHexString()
  if (typeof _id !== 'string') return BSON.EJSON.stringify(_id).slice(0, 80)
  return _id.replace(/^(?=(?:text-)*[0-9a-f]{24}$)/, 'text-')
}

function shown(document: Document): string {
  return BSON.EJSON.stringify(document, { relaxed: false }).slice(0, 400)
}
