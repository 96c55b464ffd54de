/** Records of moods that cannot be read for certain: named by an audit, and left alone by everything but an erasure. */

import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { FINDING_KINDS, REPAIRABLE } from '../../src/domain/finding-kinds.ts'
import { describeExtent } from '../../src/cli/describe/erasure.ts'
import { erasureView } from '../../src/http/view.ts'
import { eraseUser, type Extent } from '../../src/operate/erase.ts'
import { auditUsers } from '../../src/operate/survey.ts'
import { repairUser } from '../../src/operate/repair.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { putRecord } from '../support/damage.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const never = new AbortController().signal
const quiet = (): void => {}
const USER = 'auth0|odd'

/** What each mood of the user gets in its document, and the field that is named then; null for a mood that stays good. */
const SPOILED: readonly (readonly [Document | null, string | null])[] = [
  [null, null],
  [{ isPrivate: 'true' }, 'isPrivate'],
  [{ deleted: new Date(0) }, 'deleted'],
  [{ when: null }, 'when'],
  [{ when: new Date('9999-01-01') }, 'when'],
  [{ mood: 42 }, 'mood'],
  [{ intensity: 'high' }, 'intensity'],
  [{ user: [USER] }, 'user'],
  [{ user: null }, 'user'],
  [{ atproto: 'at://did:plc:abc/x/y' }, 'atproto'],
  [{ 'atproto.error': 'timeout' }, 'atproto.error'],
  [{ 'atproto.state': 'done' }, 'atproto.state'],
]

describe('records of moods that cannot be read for certain', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let site: Site
  let db: Db
  let did: string
  let good: string
  /** The field at fault by the ids of the odd moods. */
  const odd = new Map<string, string>()

  const documents = () => db.collection('moods').find().sort({ _id: 1 }).toArray()
  const records = async () =>
    (await listRecords(site.app.pdsUrl, did))
      .toSorted((a, b) => (a.uri < b.uri ? -1 : 1))
      .map(({ uri: at, cid }) => [at, cid])
  async function work(): Promise<void> {
    await site.app.engine.drain()
    site.forward(60_000)
    await site.app.engine.drain()
  }

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    site = cleanup.use(await createSite({ MONGODB_URI: uri, MONGODB_NAME: database }))
    await site.pds.up()
    await site.app.accounts.signUp(USER, 'odd')
    for (const [i] of SPOILED.entries()) await site.app.moods.post(USER, { mood: `mood ${i}` })
    await work()
    did = (await site.app.store.accounts.byUser(USER))!.did!
    const moods = (await site.app.store.moods.history(USER, null, 100)).toSorted((a, b) => a.ordinal - b.ordinal)
    good = moods[0]!.id
    for (const [i, [fields, field]] of SPOILED.entries()) {
      if (fields === null || field === null) continue
      const { id } = moods[i]!
      await db.collection('moods').updateOne({ _id: new ObjectId(id) }, { $set: fields })
      odd.set(id, field)
    }
    // A mood whose id may be spelled in any way, with a legacy record that names it in one.
    await db.collection('moods').insertOne({ _id: 7001 as never, user: USER, mood: 'numbered', when: new Date(0) })
    odd.set('7001', '_id')
    await putRecord(site.app, USER, { mood: 'numbered', when: new Date(0).toISOString(), ref: '#7001' })
  })
  afterAll(() => cleanup.disposeAsync())

  it('an audit names each of them, with what is wrong, and is not clean; nothing of theirs is stray', async () => {
    const report = await auditUsers(site.app, [USER], {}, quiet, never)
    expect(report.summary.findings).toEqual({ odd: odd.size })
    const [{ findings }] = report.users as [(typeof report.users)[number]]
    expect(new Map(findings.map((finding) => [finding.mood, finding.odd?.field]))).toEqual(odd)
    // All had been published, and their records are still there.
    expect(findings.every(({ rkey }) => rkey !== null)).toBe(true)
    const remedy = (field: string) => findings.find((finding) => finding.odd?.field === field)?.odd?.remedy
    expect(remedy('isPrivate')).toContain('moods data mend')
    expect(remedy('mood')).toContain('Put the text back')
  })

  it('a repair of everything changes neither their records nor their documents', async () => {
    const before = [await records(), await documents()]
    for (let i = 0; i < 3; i++) {
      expect(await repairUser(site.app, USER, { kinds: FINDING_KINDS, modernise: true })).toEqual({})
      await work()
    }
    expect([await records(), await documents()]).toEqual(before)
  })

  it('a mood that was never published keeps its hands off a record of theirs at its key', async () => {
    const [id] = odd.keys()
    const record = (await listRecords(site.app.pdsUrl, did)).find(({ value }) => value['mongoId'] === id)!.uri
    const rkey = record.split('/').at(-1)!
    const moods = db.collection('moods')
    // A copy of the database’s own making: it names that record, and the engine has never seen it.
    const atproto = { uri: record }
    const _id = new ObjectId()
    await moods.insertOne({ _id, user: USER, mood: 'late', when: new Date(1e12), atproto })
    expect((await site.app.store.moods.byId(_id.toHexString()))!.sync.rkey).toBe(rkey)
    const before = await records()
    await repairUser(site.app, USER, { kinds: REPAIRABLE })
    await work()
    expect(await records()).toEqual(before)
    await moods.deleteOne({ _id })
  })

  it('orders to remove their records are taken back; those for other records are carried out', async () => {
    const stray = await putRecord(site.app, USER, { text: 'from elsewhere' })
    const all = await listRecords(site.app.pdsUrl, did)
    await site.app.store.removals.add(
      USER,
      all
        .filter(({ value }) => value['mongoId'] !== good)
        .map(({ uri: at, cid }) => ({ rkey: at.split('/').at(-1)!, cid })),
    )
    await site.app.store.repos.mark(USER, site.now())
    await work()
    expect(await site.app.store.removals.of(USER)).toEqual([])
    const left = await records()
    expect(left).toHaveLength(SPOILED.length + 1)
    expect(left.filter(([at]) => at!.endsWith(stray))).toEqual([])
  })

  it('an erasure takes the odd moods and all records, and names the mood whose author is a list', async () => {
    const listed = [...odd].find(([, field]) => field === 'user')![0]
    const shown: string[] = []
    const events = {
      onExtent: (extent: Extent) => void shown.push(describeExtent(extent, true)),
      onReceipt: quiet,
      onStep: quiet,
      onWaiting: quiet,
    }
    const { erasure, extent } = await eraseUser(site.app, USER, true, events, never)
    expect(erasure).toMatchObject({ state: 'done' })
    // All but the one that has no author at all.
    expect(extent).toMatchObject({ moods: SPOILED.length - 1, shared: [listed] })
    expect(shown).toEqual([expect.stringContaining(`place of their author: ${listed}.`)])
    const { steps } = erasureView(await site.app.erasures.byReceipt(erasure!.receipt))
    const texts = steps.find(({ name }) => name === 'texts_removed')
    expect(texts).toMatchObject({ state: 'done', found: expect.stringContaining('a list that holds the user') })
    expect(await listRecords(site.app.pdsUrl, did)).toEqual([])
    expect((await documents()).map(({ user }) => user as unknown)).toEqual([[USER], null])
  })
})
