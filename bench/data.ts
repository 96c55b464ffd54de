/** The check of all documents for oddities, beside a bare cursor over the same collection. */

import { MongoClient } from 'mongodb'
import { checkData } from '../src/operate/data-check.ts'
import { openMongo } from '../src/store/mongo/index.ts'
import { toDocument } from '../src/store/mongo/documents.ts'
import { objectId } from '../src/domain/mood.ts'
import { anyDatabase, dropDatabase, findMongo, startSmallSet } from '../scripts/support/mongod.ts'
import { temporaryFolder } from '../test/support/installation.ts'
import { aMood, NOW } from '../test/support/moods.ts'
import { perSecond, quantile, type Row, row } from './rows.ts'

const MOODS = 200_000
const PAGE = 5_000
const ROUNDS = 5
const never = new AbortController().signal

/** Milliseconds. */
async function time(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** One in a thousand is odd. */
async function fill(uri: string, database: string): Promise<void> {
  await using client = await new MongoClient(uri).connect()
  const moods = client.db(database).collection('moods')
  for (let at = 0; at < MOODS; at += PAGE) {
    const documents = Array.from({ length: PAGE }, (_, k) => {
      const i = at + k
      const id = objectId(NOW + i, 'dddddddddd', i)
      const document = toDocument(
        aMood({ id, user: `user-${i % 1000}`, ordinal: i + 1, when: NOW + i, text: `mood ${i}` }),
      )
      return i % 1000 === 0 ? { ...document, when: 'once' } : document
    })
    await moods.insertMany(documents as never[], { ordered: false })
  }
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
  const client = stack.use(await new MongoClient(uri).connect())
  await fill(uri, database)
  const bare: number[] = []
  const ours: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    let seen = 0
    bare.push(
      await time(async () => {
        for await (const document of client.db(database).collection('moods').find()) if (document) seen++
      }),
    )
    if (seen !== MOODS) throw new Error('the cursor has not seen all documents')
    ours.push(
      await time(async () => {
        const { odd } = await checkData({ store, clock: { now: () => NOW } }, { most: 0 }, () => {}, never)
        if (odd !== MOODS / 1000) throw new Error(`${odd} odd documents were found`)
      }),
    )
  }
  const [us, them] = [quantile(ours, 0.5), quantile(bare, 0.5)]
  const ratio = them / us
  const work = `check of ${MOODS} documents against a bare cursor, MongoDB`
  return [row(work, perSecond(MOODS, us), perSecond(MOODS, them), ratio, '≥ 0.5', ratio >= 0.5)]
}
