/** The odd data of a SQLite file. */

import Database from 'better-sqlite3'
import { join } from 'node:path'
import { openSqlite } from '../../src/store/sqlite/index.ts'
import { isGoodRow, type Row, rulesOf } from '../support/odd-rows.ts'
import { isDid, textsAmong } from './mongo-world.ts'
import { fillWithRows } from './rows.ts'
import type { OddWorld, StoredMood } from './world.ts'

/** Makes the file of an installation and fills it, as earlier versions may have, which refused less. */
export async function sqliteWorld(folder: string, rows: number, seed: number): Promise<OddWorld> {
  const file = join(folder, 'moods.sqlite')
  // The tables, and nothing in them.
  await openSqlite(file)[Symbol.asyncDispose]()
  const db = new Database(file)
  const rules = rulesOf(db)
  fillWithRows(db, rows, seed)
  db.exec(rules)
  const moods = db.prepare<[], Row>(
    'SELECT *, CAST(id AS BLOB) AS id_bytes, CAST(text AS BLOB) AS text_bytes, CAST(context AS BLOB) AS context_bytes FROM moods',
  )
  const dids = db.prepare('SELECT did FROM accounts').pluck()
  const people = db
    .prepare('SELECT user FROM handles UNION SELECT user FROM accounts UNION SELECT user FROM moods')
    .pluck()
  return {
    env: {},
    moodsName: 'moods',
    moods: async () => moods.all().map(moodIn),
    dids: async () => dids.all().filter(isDid),
    people: async () => textsAmong(people.all()),
    requests: async () => null,
    async [Symbol.asyncDispose]() {
      db.close()
    },
  }
}

function moodIn({ id_bytes, text_bytes, context_bytes, ...row }: Row): StoredMood {
  const { id, user, text, is_private, deleted } = row
  return {
    name: (id_bytes as Buffer).toString('hex'),
    id: String(id),
    user,
    text,
    // Judged by their bytes.
    isGood: isGoodRow('moods', { ...row, text: text_bytes, context: context_bytes }),
    isShown: is_private === 0 && deleted === 0,
    isPlain: /^good \d+$/.test(text as string),
    bytes: JSON.stringify([row, text_bytes, context_bytes]),
    shown: JSON.stringify(row),
  }
}
