/** A replica set of three that loses its majority: nobody waits long, and what was acknowledged is there afterwards. */

import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { initiate, type Mongod, startMongod } from '../../scripts/support/mongod.ts'
import { startApp, temporaryFolder, Visitor } from '../support/installation.ts'
import { eventually } from '../support/repo.ts'

const { program } = inject('mongo')!

describe.skipIf(program === null)('a replica set (skipped where MONGODB_URI names one that cannot be stopped)', () => {
  const cleanup = new AsyncDisposableStack()
  const members: Mongod[] = []
  let uri = ''
  let app: App
  let alice: Visitor

  beforeAll(async () => {
    const folder = cleanup.use(await temporaryFolder())
    for (const i of [0, 1, 2]) {
      members.push(cleanup.use(await startMongod(program!, { dbPath: `${folder.path}/${i}`, replSet: 'three' })))
    }
    // Until it steps down, a primary takes writes that the majority never gets.
    uri = await initiate('three', members, 10_000)
    const env = { MONGODB_URI: uri, MONGODB_NAME: 'moods' }
    app = cleanup.use(await startApp(`${folder.path}/moods`, { role: 'serve', env }))
    alice = await new Visitor(app.address).as('alice')
  }, 120_000)
  afterAll(async () => {
    // Servers that may be stopped, and have no majority to hand over to, take long to end in order.
    for (const { process: server } of members) server.kill('SIGKILL')
    await cleanup.disposeAsync()
  })

  /** The primary first. */
  async function inOrder(): Promise<Mongod[]> {
    const client = await new MongoClient(uri).connect()
    const { primary } = (await client.db('admin').command({ hello: 1 })) as { primary?: string }
    await client.close()
    return members.toSorted((a, b) => Number(primary?.endsWith(`:${b.port}`)) - Number(primary?.endsWith(`:${a.port}`)))
  }

  const within = async (work: () => Promise<{ status: number; body: Record<string, unknown> }>) => {
    const started = performance.now()
    const { status, body } = await work()
    return { status, message: body['message'], seconds: (performance.now() - started) / 1000 }
  }
  const say = (mood: string) => () => alice.send('/api/mood', { mood })
  const isReady = async (): Promise<boolean> => (await alice.send('/readyz')).status === 200

  it.each([
    ['its two secondaries', 1],
    ['its primary and a secondary', 0],
  ])(
    'that has lost %s answers 503 in time, is not ready, and loses nothing',
    async (lost, first) => {
      const { id } = await alice.post(`before ${lost}`)
      const stopped = (await inOrder()).slice(first, first + 2)
      for (const { process: server } of stopped) server.kill('SIGSTOP')
      const [ready, one, other] = await Promise.all([
        within(() => alice.send('/readyz')),
        within(say(`without ${lost}`)),
        within(say(`without ${lost}`)),
      ])
      expect([ready.status, one.status, other.status]).toEqual([503, 503, 503])
      expect(ready.seconds).toBeLessThan(15)
      expect(ready.message).toMatch(
        /^not ready: the database.* does not answer, since \d{4}-\S+Z as far as is known here$/,
      )
      expect(Math.max(one.seconds, other.seconds)).toBeLessThan(10)
      // Said again, it may be there already, at the one member that is left: still nobody is told that it is kept.
      const again = await within(say(`without ${lost}`))
      expect([again.status, again.seconds < 10]).toEqual([503, true])
      for (const { process: server } of stopped) server.kill('SIGCONT')
      await eventually('ready again', isReady, 40_000)
      expect(await alice.mood(id)).toMatchObject({ mood: `before ${lost}` })
      await alice.post(`after ${lost}`)
    },
    120_000,
  )
})
