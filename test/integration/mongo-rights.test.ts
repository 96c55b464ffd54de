/**
 * Users of MongoDB with less than all rights, made by the lines of their guide, word for word: what only looks works and changes
 * nothing; everything else says which right is missing.
 */

import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { type Db, type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startMongod } from '../../scripts/support/mongod.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { temporaryFolder } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'
import { eventually } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const GUIDE = 'docs/guides/mongodb-users.md'
const DATABASE = 'aesthetic'
const PASSWORD = 'a password'

const { program } = inject('mongo')!

/** What the guide has an administrator type, in order. */
const BLOCKS = [...readFileSync(GUIDE, 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block!)

/** Runs a block as mongosh would. */
async function typeIn(client: MongoClient, block: string): Promise<void> {
  const commands: Document[] = []
  const db = {
    getSiblingDB: (name: string) => (expect(name).toBe(DATABASE), db),
    createUser: ({ user, ...rest }: Document) => commands.push({ createUser: user as string, ...rest }),
    createRole: ({ role, ...rest }: Document) => commands.push({ createRole: role as string, ...rest }),
    grantRolesToUser: (user: string, roles: readonly string[]) => commands.push({ grantRolesToUser: user, roles }),
  }
  runInNewContext(block, { db, passwordPrompt: () => PASSWORD })
  for (const command of commands) await client.db(DATABASE).command(command)
}

// Without a program, this machine has only a MongoDB that runs already.
describe.skipIf(program === null)('a MongoDB with access control', () => {
  const cleanup = new AsyncDisposableStack()
  let admin: MongoClient
  let db: Db
  let site: Site
  let uriOf: (user: string) => string

  beforeAll(async () => {
    const folder = cleanup.use(await temporaryFolder())
    const args = ['--auth', '--setParameter', 'enableTestCommands=1']
    const server = cleanup.use(await startMongod(program!, { dbPath: `${folder.path}/mongo`, args }))
    const at = `127.0.0.1:${server.port}`
    // The first user of a server may be made by whoever is on its machine.
    const first = cleanup.use(await new MongoClient(server.uri).connect())
    await first.db('admin').command({ createUser: 'root', pwd: PASSWORD, roles: ['root'] })
    admin = cleanup.use(await new MongoClient(`mongodb://root:${encodeURIComponent(PASSWORD)}@${at}/`).connect())
    db = admin.db(DATABASE)
    for (const block of BLOCKS.slice(0, 2)) await typeIn(admin, block)
    uriOf = (user) => `mongodb://${user}:${encodeURIComponent(PASSWORD)}@${at}/${DATABASE}`
    await db.collection('moods').insertOne({ user: 'a legacy user', mood: 'odd', when: 'yesterday' })
  }, 60_000)
  afterAll(() => cleanup.disposeAsync())

  const openAs = (user: string) => openMongo({ uri: uriOf(user), database: DATABASE }, 'http://pds.test')

  /** A hash of each collection, but for what a server writes of itself. */
  async function hashes(): Promise<Document> {
    const { collections } = await db.command({ dbHash: 1 })
    const { ['mood-workers']: _, ...rest } = collections as Document
    return rest
  }

  it('looks at an existing database that nobody has opened, and makes nothing there', async () => {
    await using store = await openAs('moods-reader')
    expect(store.onlyRead).toMatch(
      /lacks the right to insert, update and remove in all its collections, and createIndex/,
    )
    expect((await store.work.count()).states.local).toBe(1)
    expect(
      await store.policy.begin({ policy: { mode: 'off', percent: 0, allow: [] }, by: 'x', at: 1, reason: null }),
    ).toEqual(await store.policy.get())
    expect((await db.listCollections().toArray()).map(({ name }) => name)).toEqual(['moods'])
  })

  it('refuses whoever makes no indexes as long as they are missing, and names them', async () => {
    await using store = await openAs('moods-writer')
    expect(store.onlyRead).toMatch(
      /^the user of MONGODB_URI may only read the database "aesthetic": it lacks the right to createIndex and dropIndex for moods_numbered, moods_keyed, moods_public and \d+ more\. What writes needs the role readWrite on "aesthetic" \(docs\/guides\/mongodb-users\.md\)$/,
    )
    await expect(store.repos.mark('u', 1)).rejects.toMatchObject({ code: 'config', message: store.onlyRead })
  })

  describe('with an installation on it', () => {
    beforeAll(async () => {
      site = cleanup.use(await createSite({ MONGODB_URI: uriOf('moods'), MONGODB_NAME: DATABASE, FEDERATION: 'off' }))
      await site.pds.up()
      const { app } = site
      await app.accounts.signUp('u1', 'alice')
      await app.moods.post('u1', { mood: 'hello' })
      const policy = (await app.store.policy.get())!
      await app.store.policy.save({ ...policy, policy: { mode: 'on', percent: 100, allow: [] } })
      await app.engine.drain()
      await eventually('published', async () => (await app.store.work.count()).states.published === 1)
      const on = (await app.store.policy.get())!
      await app.store.policy.save({ ...on, policy: { mode: 'off', percent: 0, allow: [] } })
    }, 60_000)

    it('whoever makes no indexes works, once they are there', async () => {
      await using store = await openAs('moods-writer')
      expect(store.onlyRead).toBeNull()
      await store.repos.mark('u1', 1)
      expect(await store.repos.get('u1')).toMatchObject({ user: 'u1' })
    })

    const READS: readonly (readonly [line: string, code: number, says: RegExp])[] = [
      ['status', 0, /1 published/],
      ['audit --all --verify', 0, /in step +100\.00 %/],
      ['report', 0, /moods/],
      ['show @alice', 0, /@alice/],
      [
        'data check',
        3,
        /1 of them odd[^]*not kept, so that status and doctor do not know of it: the user of MONGODB_URI/,
      ],
      [
        'doctor',
        0,
        /warning +store +mongodb:aesthetic opens, for reading alone\n +the user of MONGODB_URI may only read/,
      ],
      ['accounts list', 0, /alice/],
      ['accounts check', 0, /checked/],
      ['federation', 0, /^Federation is off/],
      ['federation on', 0, /./],
      ['backfill', 0, /./],
      ['repair', 0, /./],
      ['retry', 0, /./],
      ['rollback --strip-references', 0, /./],
      ['accounts provision', 0, /./],
      ['accounts seal', 0, /./],
      ['accounts replace --gone', 0, /./],
      ['data mend', 0, /./],
      ['erase @alice', 0, /./],
    ]

    it('works for whoever may only read, and changes nothing', async () => {
      const env = { ...site.env, MONGODB_URI: uriOf('moods-reader') }
      const before = await hashes()
      for (const [line, code, says] of READS) {
        const { code: ended, stdout, stderr } = await runMoods(line.split(' '), env)
        expect([line, ended, stdout, stderr]).toEqual([line, code, expect.stringMatching(says), expect.any(String)])
        if (line !== 'doctor')
          expect([line, stderr]).toEqual([line, expect.stringMatching(/^MONGODB_URI may only read here: /)])
      }
      expect(await hashes()).toEqual(before)
    }, 240_000)

    it('finds it out as well where the server does not tell the rights of its users', async () => {
      const silence = (mode: 'alwaysOn' | 'off') =>
        admin.db('admin').command({
          configureFailPoint: 'failCommand',
          mode,
          data: { failCommands: ['connectionStatus'], errorCode: 59 },
        })
      const before = await hashes()
      await silence('alwaysOn')
      try {
        await using reader = await openAs('moods-reader')
        expect(reader.onlyRead).toContain('it lacks the right to insert, update and remove in all its collections.')
        for (const user of ['moods', 'moods-writer']) {
          await using store = await openAs(user)
          expect([user, store.onlyRead]).toEqual([user, null])
        }
      } finally {
        await silence('off')
      }
      expect(await hashes()).toEqual(before)
    })

    const WRITES = [
      'serve',
      'worker',
      'federation on --execute',
      'backfill --execute',
      'repair --execute',
      'retry --execute',
      'rollback --strip-references --execute',
      'rollback --delete-records --execute',
      'accounts provision --execute',
      'accounts seal --execute',
      'accounts rehost http://a.test http://b.test --execute',
      'accounts replace @alice --execute',
      'data mend --execute',
      'erase @alice --execute',
      'doctor --live @alice',
    ]

    it('says in one line which right is missing, for everything that writes, and changes nothing', async () => {
      const env = { ...site.env, MONGODB_URI: uriOf('moods-reader') }
      const before = await hashes()
      for (const line of WRITES) {
        const { code, stderr } = await runMoods(line.split(' '), env)
        const said = stderr.split('\n').filter((each) => each.startsWith('moods: '))
        expect([line, code, said, stderr]).toEqual([
          line,
          2,
          [expect.stringMatching(/^moods: the user of MONGODB_URI may only read .*readWrite on "aesthetic"/)],
          expect.any(String),
        ])
      }
      expect(await hashes()).toEqual(before)
    }, 240_000)

    it('is read alone by whoever may write to some collections, and works once the role is granted', async () => {
      const resource = (collection: string) => ({ db: DATABASE, collection })
      const actions = ['insert', 'update', 'remove']
      await db.command({
        createRole: 'some',
        privileges: ['moods', 'users'].map((name) => ({ resource: resource(name), actions })),
        roles: ['read'],
      })
      await db.command({ createUser: 'someone', pwd: PASSWORD, roles: ['some'] })
      await using store = await openAs('someone')
      expect(store.onlyRead).toContain('it lacks the right to insert, update and remove in @handles, mood-')
      await typeIn(admin, BLOCKS[2]!)
      await using granted = await openAs('moods-reader')
      expect(granted.onlyRead).toBeNull()
    })

    it('says so where the user or the password is wrong, or there is none, without repeating either', async () => {
      for (const uri of [
        uriOf('nobody'),
        uriOf('moods').replace(/:[^:@]+@/, ':wrong@'),
        uriOf('').replace(/\/\/[^@]*@/, '//'),
      ]) {
        const { code, stderr } = await runMoods(['status'], { ...site.env, MONGODB_URI: uri })
        expect([code, stderr]).toEqual([2, 'moods: MongoDB does not take the user and password of MONGODB_URI\n'])
      }
    })
  })
})
