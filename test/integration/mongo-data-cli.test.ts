/** `moods data` as an operator runs it, on a MongoDB that holds odd documents. */

import { type Db, MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openMongo } from '../../src/store/mongo/index.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { environment, temporaryFolder } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'

const { uri } = inject('mongo')!
const WHEN = new Date('2024-03-01T12:00:00Z')

describe('moods data', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let db: Db
  let env: Record<string, string>

  beforeAll(async () => {
    const client = cleanup.use(await new MongoClient(uri).connect())
    db = client.db(database)
    cleanup.defer(async () => void (await db.dropDatabase()))
    await (await openMongo({ uri, database }, 'http://pds.test'))[Symbol.asyncDispose]()
    const folder = cleanup.use(await temporaryFolder())
    env = environment(folder.path, { MONGODB_URI: uri, MONGODB_NAME: database })
    const mood = { user: 'u1', mood: 'a secret text', when: WHEN }
    await db
      .collection('moods')
      .insertMany([
        ...Array.from({ length: 25 }, (_, i) => ({ ...mood, when: `${i}` })),
        { ...mood, isPrivate: 0 },
        { ...mood, when: WHEN.toISOString() },
        mood,
      ])
  }, 60_000)
  afterAll(() => cleanup.disposeAsync())

  const run = (line: string) => runMoods(['data', ...line.split(' ')], env)
  const json = async (line: string) => {
    const { code, stdout } = await run(`${line} --json`)
    return { code, ...(JSON.parse(stdout) as { ok: boolean; complete: boolean; oddities?: readonly unknown[] }) }
  }

  it('check ends with 3, names what is odd and what mends it, the first twenty, or all of them', async () => {
    const { code, stdout } = await run('check')
    expect(code).toBe(3)
    expect(stdout).toMatch(
      /moods [0-9a-f]{24} of u1: the field "when" is of another type than it must be\n {2}Put its time there/,
    )
    expect(stdout).toContain('… and 7 more (--list prints all of them)')
    expect(stdout).toMatch(/^28 documents read, 27 of them odd, of which 2 can be mended\.$/m)
    expect(stdout).not.toContain('secret')
    expect((await run('check --list')).stdout.match(/^moods [0-9a-f]{24} of u1: /gm)).toHaveLength(27)
    const document = await json('check')
    expect(document).toMatchObject({ code: 3, ok: false, complete: true, documents: 28, odd: 27, mendable: 2 })
    expect(document.oddities).toHaveLength(27)
  }, 60_000)

  it('mend says first what becomes public, does it, and puts it back', async () => {
    const { code, stdout } = await run('mend')
    expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringMatching(/^1 mood becomes PUBLIC/)])
    expect(await json('mend --execute')).toMatchObject({ code: 3, ok: false, complete: true, mended: 2, left: 25 })
    expect((await run('check')).stdout).toContain('28 documents read, 25 of them odd, of which 0 can be mended.')
    expect(await json('mend --undo')).toMatchObject({ code: 0, executed: false, putBack: 2 })
    expect(await json('mend --undo --execute')).toMatchObject({ code: 0, executed: true, putBack: 2 })
    expect(await db.collection('moods').countDocuments({ isPrivate: 0 })).toBe(1)
  }, 60_000)

  it('status shows what the last check found', async () => {
    const { stdout } = await runMoods(['status'], env)
    expect(stdout).toMatch(/^data {6}27 of 28 documents odd, 2 of these mendable, checked 20/m)
    expect(stdout).toMatch(/^warning +27 of 28 documents are odd, of which 2 can be mended/m)
    const status = JSON.parse((await runMoods(['status', '--json'], env)).stdout) as object
    expect(status).toMatchObject({ data: { documents: 28, odd: 27, mendable: 2 } })
  }, 60_000)
})
