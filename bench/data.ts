/** The check of all documents for oddities, beside a bare cursor over the same collection: of each collection by itself. */

import { type Db, type Document, MongoClient } from 'mongodb'
import { objectId } from '../src/domain/mood.ts'
import { type KindName, KINDS } from '../src/domain/readers.ts'
import type { Store } from '../src/ports/store.ts'
import { COLLECTIONS } from '../src/store/mongo/collections.ts'
import { toDocument } from '../src/store/mongo/documents.ts'
import { openMongo } from '../src/store/mongo/index.ts'
import { anyDatabase, dropDatabase, findMongo, startSmallSet } from '../scripts/support/mongod.ts'
import { temporaryFolder } from '../test/support/installation.ts'
import { aMood, NOW } from '../test/support/moods.ts'
import { WHOLE } from '../test/support/whole-documents.ts'
import { perSecond, quantile, type Row, row } from './rows.ts'

const DOCUMENTS = 100_000
const PAGE = 5_000
const ROUNDS = 5
const never = new AbortController().signal

/** Milliseconds. */
async function time(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** One user has the DID of another, and one a handle that differs from another in case alone. */
const TWIN = 5_000
const HAVE_TWINS = new Set<KindName>(['users', 'handles'])

/** What differs from document to document of a kind, where the database or a reader tells them apart by it. */
const OWN: Readonly<Partial<Record<KindName, (i: number) => Document>>> = {
  moods: (i) => {
    const id = objectId(NOW + i, 'dddddddddd', i)
    return toDocument(aMood({ id, user: `user-${i % 1000}`, ordinal: i + 1, when: NOW + i, text: `mood ${i}` }))
  },
  users: (i) => ({ atproto: { ...(WHOLE.users['atproto'] as Document), did: `did:plc:${i === TWIN ? i + 1 : i}` } }),
  handles: (i) => ({ handle: i === TWIN ? `person-${i + 1}` : `Person-${i}` }),
  erasures: (i) => ({ user: `user ${i}` }),
}

/** The field of which a thousandth of the documents has a value that no reader takes. */
const SPOILED: Readonly<Record<KindName, string>> = {
  moods: 'when',
  users: 'atproto.did',
  handles: 'handle',
  repos: 'marks',
  intents: 'kind',
  erasures: 'tombstone',
  removals: 'removals',
  audits: 'good.counts',
  sightings: 'standing',
  policy: 'mode',
  ledger: 'entry',
  workers: 'host',
}

async function fill(db: Db, kind: KindName): Promise<void> {
  const collection = db.collection(COLLECTIONS[kind])
  for (let at = 0; at < DOCUMENTS; at += PAGE) {
    const documents = Array.from({ length: PAGE }, (_, k) => {
      return { _id: `user ${at + k}`, ...WHOLE[kind], ...OWN[kind]?.(at + k) }
    })
    await collection.insertMany(documents as Document[], { ordered: false })
  }
  const odd = await collection.find({}, { projection: { _id: 1 }, limit: DOCUMENTS / 1000 }).toArray()
  await collection.updateMany({ _id: { $in: odd.map(({ _id }) => _id) } }, { $set: { [SPOILED[kind]]: [5] } })
}

async function measure(db: Db, { data }: Pick<Store, 'data'>, kind: KindName): Promise<Row> {
  const bare: number[] = []
  const ours: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    let seen = 0
    bare.push(
      await time(async () => {
        for await (const document of db.collection(COLLECTIONS[kind]).find()) if (document) seen++
      }),
    )
    if (seen !== DOCUMENTS) throw new Error(`the cursor has seen ${seen} documents`)
    let odd = 0
    ours.push(
      await time(async () => {
        for await (const piece of data.scan(COLLECTIONS[kind], never)) odd += piece.odd.length
      }),
    )
    if (odd !== DOCUMENTS / 1000 + (HAVE_TWINS.has(kind) ? 2 : 0)) throw new Error(`${odd} odd documents were found`)
  }
  const [us, them] = [quantile(ours, 0.5), quantile(bare, 0.5)]
  const ratio = them / us
  const work = `check of ${DOCUMENTS} documents in ${COLLECTIONS[kind]} against a bare cursor, MongoDB`
  return row(work, perSecond(DOCUMENTS, us), perSecond(DOCUMENTS, them), ratio, '≥ 0.5', ratio >= 0.5)
}

export async function dataRows(): Promise<Row[]> {
  const found = await findMongo((line) => console.log(line))
  if (!found) return []
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const uri = found.kind === 'uri' ? found.at : stack.use(await startSmallSet(found.at, `${folder.path}/mongo`)).uri
  const database = anyDatabase()
  stack.defer(() => dropDatabase(uri, database))
  const store = stack.use(await openMongo({ uri, database }, 'http://pds.test'))
  const db = stack.use(await new MongoClient(uri).connect()).db(database)
  const rows: Row[] = []
  for (const kind of Object.keys(KINDS) as KindName[]) {
    await fill(db, kind)
    rows.push(await measure(db, store, kind))
    await db.collection(COLLECTIONS[kind]).drop()
  }
  return rows
}
