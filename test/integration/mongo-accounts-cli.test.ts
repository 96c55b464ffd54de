/** `moods accounts` on a database that was there before us: passwords in plain text, users without accounts. */

import { randomBytes } from 'node:crypto'
import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import type { AccountList } from '../../src/operate/accounts.ts'
import type { Provisioned } from '../../src/operate/provision.ts'
import type { Sealed } from '../../src/operate/seal-passwords.ts'
import { environment } from '../support/installation.ts'
import { fillLegacy, legacyUser } from '../support/legacy.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { runMoods } from '../support/process.ts'
import { listRecords, makeForeignAccount } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const { sub } = legacyUser(1)

describe('moods accounts, on an existing database', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  const sealKey = randomBytes(32).toString('base64')
  let site: Site
  let db: Db
  let did: string
  let env: Record<string, string>

  const users = () => db.collection<{ _id: string; atproto?: Document }>('users')

  async function accounts<T>(args: readonly string[]) {
    const { code, stdout, stderr } = await runMoods(['accounts', ...args, '--json'], env)
    if (stdout === '') throw new Error(`moods accounts ended with ${code}: ${stderr}`)
    return { code, ...(JSON.parse(stdout) as T), output: stdout + stderr }
  }

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    const store = { MONGODB_URI: uri, MONGODB_NAME: database, MOODS_SEAL_KEY: sealKey }
    site = cleanup.use(await createSite(store))
    await site.pds.up()
    const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
    did = await makeForeignAccount(site.app.pdsUrl, pdsAdminPassword, 'legacy-1.test', 'plain-1')
    await fillLegacy(db, { 1: { did, handle: 'legacy-1.test', password: 'plain-1' } })
    const pds = { PDS_PORT: '', PLC_PORT: '', PDS_URL: site.app.pdsUrl, PDS_ADMIN_PASSWORD: pdsAdminPassword }
    env = environment(site.dataFolder, { ...store, ...pds })
  })
  afterAll(() => cleanup.disposeAsync())

  it('accounts seal counts the plain passwords and changes nothing', async () => {
    const before = await users().find().toArray()
    expect(await accounts<Sealed>(['seal'])).toMatchObject({ code: 0, accounts: 22, plain: 21, sealed: 0 })
    expect(await users().find().toArray()).toEqual(before)
  })

  it('accounts seal --execute seals every plain password, prints none, and the account still logs in', async () => {
    const { output, ...sealed } = await accounts<Sealed>(['seal', '--execute'])
    expect(sealed).toMatchObject({ code: 0, complete: true, accounts: 22, plain: 21, sealed: 21, failed: 0 })
    expect(output).not.toContain('plain-')
    expect(await users().countDocuments({ 'atproto.password': { $exists: true } })).toBe(0)
    expect(await users().countDocuments({ 'atproto.sealed': { $exists: true } })).toBe(21)
    expect(JSON.stringify(await users().find().toArray())).not.toContain('plain-')
    expect(await users().findOne({ _id: sub })).toMatchObject({
      code: 'ac1',
      atproto: { did, handle: 'legacy-1.test' },
    })
    const { credentials } = (await site.app.store.accounts.byUser(sub))!
    expect(credentials?.kind).toBe('sealed')
    expect(await site.app.sealer.passwordOf(credentials!)).toBe('plain-1')
    await site.app.moods.post(sub, { mood: 'still here' })
    await site.app.engine.drain()
    expect((await listRecords(site.app.pdsUrl, did)).map(({ value }) => value['text'])).toEqual(['still here'])
    expect(await accounts<Sealed>(['seal', '--execute'])).toMatchObject({ code: 0, plain: 0, sealed: 0 })
  })

  it('accounts list --without and provision find users without an account, and make theirs', async () => {
    // A handle from before there were rules, and a user who never had one.
    const { sub: odd } = legacyUser(21)
    const { sub: nameless } = legacyUser(29)
    await db.collection<{ _id: string }>('@handles').updateOne({ _id: odd }, { $set: { handle: 'Legacy_21.old' } })
    await users().updateOne({ _id: nameless }, { $unset: { atproto: '' } })
    const lacking = [21, 22, 23, 24, 25, 26, 27, 28, 29].map((n) => legacyUser(n).sub)
    const { users: without } = await accounts<AccountList>(['list', '--without'])
    expect(without.map(({ user }) => user)).toEqual(lacking)
    const { code, result } = await accounts<{ result: Provisioned }>(['provision', '--execute'])
    expect([code, result.failed, result.waiting]).toEqual([0, [], 0])
    expect(result.made.map(({ user }) => user).toSorted()).toEqual(lacking)
    const names = Object.fromEntries(result.made.map(({ user, pdsHandle }) => [user, pdsHandle]))
    expect(names[odd]).toBe('legacy-21-old.test')
    expect(names[nameless]).toMatch(/^user-[0-9a-f]{12}\.test$/)
    expect(names[legacyUser(27).sub]).toBe('legacy-27.test')
    expect(await users().findOne({ _id: legacyUser(27).sub })).toMatchObject({ code: 'ac27' })
    expect((await accounts<AccountList>(['list', '--without'])).users).toEqual([])
  })

  it('erase --restored purges restored moods of a user who has come back, and leaves a newer document as it is', async () => {
    const documents = await db.collection('moods').find({ user: sub, 'atproto.ordinal': null }).toArray()
    const { app } = site
    await app.erasures.request(sub)
    site.forward(60_000)
    await app.engine.drain()
    // The erased account still exists on the PDS, so the user gets no second one: the user comes back by a mood alone.
    const { mood: newer } = await app.moods.post(sub, { mood: 'again' })
    const foreign = { 'atproto.theirs': 'kept', mine: { also: 'kept' } }
    await db.collection('moods').updateOne({ _id: new ObjectId(newer.id) }, { $set: foreign })
    const before = await db.collection('moods').findOne({ _id: new ObjectId(newer.id) })
    await db.collection('moods').insertMany(documents)
    const erase = async (args: readonly string[]) => {
      const { code, stdout } = await runMoods(['erase', '--restored', ...args, '--json'], env)
      return { code, ...(JSON.parse(stdout) as { returned: object[]; purged: number }) }
    }
    // Four cannot be read, a time of theirs least of all: whether they are older than the erasure is not known.
    const older = documents.length - 4
    expect(await erase([])).toMatchObject({ code: 1, returned: [{ action: 'purge', older }] })
    expect(await erase(['--execute'])).toMatchObject({ code: 0, purged: older, waiting: 0 })
    const left = await db
      .collection('moods')
      .find({ user: sub, 'atproto.version': { $gt: 0 } })
      .toArray()
    expect(left).toMatchObject([{ mood: 'again', mine: { also: 'kept' }, atproto: { theirs: 'kept' } }])
    expect(left[0]).toMatchObject({ when: before!['when'], deleted: false })
    expect(await erase([])).toMatchObject({ code: 0, returned: [{ action: 'leave' }] })
  })
})
