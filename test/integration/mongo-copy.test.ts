/** An installation that moves from the embedded store to a MongoDB. */

import { join } from 'node:path'
import { expect, inject, it } from 'vitest'
import { compareStores, copyStore } from '../../src/operate/copy-store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { openSqlite } from '../../src/store/sqlite/index.ts'
import { fill } from '../contract/archive.ts'
import { startApp, temporaryFolder, Visitor } from '../support/installation.ts'
import { anyDatabase, dropDatabase } from '../../scripts/support/mongod.ts'
import { aMood, unrepeated } from '../support/moods.ts'
import { runMoods } from '../support/process.ts'
import { commitsOf } from '../support/repo.ts'

const { uri } = inject('mongo')!
const quiet = (): void => {}
const never = new AbortController().signal

it('moods store copy copies every item, and the server resumes on the copy', async () => {
  await using folder = await temporaryFolder()
  await using cleanup = new AsyncDisposableStack()
  const name = anyDatabase()
  cleanup.defer(() => dropDatabase(uri, name))
  const embedded = { MONGODB_URI: '', MONGODB_NAME: '' }
  let did = ''
  {
    await using app = await startApp(folder.path, { role: 'serve', env: embedded })
    const alice = await new Visitor(app.address).as('alice')
    for (let i = 0; i < 30; i++) await alice.post(`mood ${i}`)
    await alice.post('a secret', { isPrivate: true })
    await app.engine.drain()
    await alice.post('still to be published')
    did = (await app.store.accounts.byUser('trial|alice'))!.did!
  }
  const before = commitsOf(folder.path, did)
  const args = ['store', 'copy', '--from', `sqlite:${join(folder.path, 'moods.sqlite')}`, '--to', uri, '--name', name]
  const dry = await runMoods([...args, '--json'], {})
  expect([dry.code, JSON.parse(dry.stdout)]).toMatchObject([1, { executed: false, written: 0, equal: false }])
  const done = await runMoods([...args, '--execute'], {})
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('both are equal')])
  const again = await runMoods([...args, '--execute', '--json'], {})
  expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { written: 0, equal: true }])

  const env = { MONGODB_URI: uri, MONGODB_NAME: name }
  await using app = await startApp(folder.path, { role: 'serve', env })
  await app.engine.drain()
  expect(await app.store.work.count()).toMatchObject({ states: { published: 31, local: 1, pending: 0 } })
  expect(commitsOf(folder.path, did)).toBe(before + 1)
  const alice = await new Visitor(app.address).as('alice', { signUp: false })
  expect((await alice.post('still to be published')).atproto.state).toBe('published')
})

it('an interrupted copy resumes, and the comparison finds a difference', async () => {
  await using folder = await temporaryFolder()
  const database = anyDatabase()
  await using from = openSqlite(join(folder.path, 'a.sqlite'))
  await using to = await openMongo({ uri, database }, '')
  await fill(from)
  for (let i = 0; i < 1200; i++) await from.moods.add(unrepeated(aMood({ user: 'many', text: `mood ${i}` })))
  const stopping = new AbortController()
  const stopAt = ({ kind }: { kind: string }): void => {
    if (kind === 'moods') stopping.abort()
  }
  expect(await copyStore(from.archive, to.archive, stopAt, stopping.signal)).toBe(504)
  expect(await to.archive.count('moods')).toBe(500)
  expect((await compareStores(from.archive, to.archive, quiet, never)).every(({ equal }) => equal)).toBe(false)
  expect(await copyStore(from.archive, to.archive, quiet, never)).toBe(703 + 11)
  const compared = await compareStores(from.archive, to.archive, quiet, never)
  expect(compared.filter(({ equal }) => !equal)).toEqual([])
  const mood = (await to.moods.byId(`${'a'.repeat(23)}1`))!
  await to.moods.save([{ ...mood, isPrivate: true }], 0)
  const after = await compareStores(from.archive, to.archive, quiet, never)
  expect(after.filter(({ equal }) => !equal).map(({ kind }) => kind)).toEqual(['moods'])
  await dropDatabase(uri, database)
})
