/** The primary in a SQLite file. */

import Database from 'better-sqlite3'
import { withoutRules } from './odd-rows.ts'
import type { Primary, PrimaryAccount, PrimaryErasure, PrimaryMood, PrimaryProof } from './primary.ts'

export function sqlitePrimary(file: string): Primary {
  async function withDb<T>(use: (db: Database.Database) => T): Promise<T> {
    const db = new Database(file, { fileMustExist: true })
    try {
      return use(db)
    } finally {
      db.close()
    }
  }
  return {
    moods: () =>
      withDb((db) => {
        const rows = db
          .prepare<[], Record<string, never>>(
            'SELECT moods.*, accounts.did FROM moods LEFT JOIN accounts ON accounts.user = moods.user',
          )
          .all()
        return rows.map((row) =>
          Object.assign(row as unknown as PrimaryMood, {
            when: row['when_ms'],
            isPrivate: row['is_private'] === 1,
            deleted: row['deleted'] === 1,
            deletedRecords: row['deleted_records'],
          }),
        )
      }),
    dids: () => withDb((db) => db.prepare<[], string>('SELECT did FROM accounts WHERE did IS NOT NULL').pluck().all()),
    accounts: () =>
      withDb((db) => {
        const code = `json_extract(error, '$.code')`
        return db.prepare<[], PrimaryAccount>(`SELECT user, did, state, ${code} AS error FROM accounts`).all()
      }),
    erasures: () =>
      withDb((db) => {
        const rows = db.prepare<[], { receipt: string; done: string }>('SELECT receipt, done FROM erasures').all()
        return rows.map(({ receipt, done }) => ({ receipt, done: JSON.parse(done) as PrimaryErasure['done'] }))
      }),
    proofs: () =>
      withDb((db) => {
        const rows = db.prepare<[], { user: string; audit: string }>('SELECT user, audit FROM audits').all()
        return rows.flatMap(({ user, audit }) => {
          const { good } = JSON.parse(audit) as { good: Omit<PrimaryProof, 'user'> | null }
          return good === null ? [] : [{ user, findings: good.findings, proof: good.proof }]
        })
      }),
    everything: () =>
      withDb((db) => {
        const tables = db.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all()
        return JSON.stringify(tables.map((table) => db.prepare(`SELECT * FROM "${table}"`).all()))
      }),
    damage: (id, { text, isPrivate, unlinked }) =>
      withDb((db) => {
        const set = [
          `state = 'pending', due_at = 0, version = version + 1`,
          ...(text === undefined ? [] : ['text = :text']),
          ...(isPrivate === undefined ? [] : ['is_private = :isPrivate']),
          ...(unlinked ? ['uri = NULL, cid = NULL'] : []),
        ]
        const values = { id, text: text ?? null, isPrivate: isPrivate ? 1 : 0 }
        const { changes } = db.prepare(`UPDATE moods SET ${set.join(', ')} WHERE id = :id`).run(values)
        if (changes !== 1) throw new Error(`there is no mood ${id}`)
      }),
    spoil: (id) =>
      withDb((db) => {
        withoutRules(db)
        db.prepare('UPDATE moods SET is_private = 7 WHERE id = ?').run(id)
      }),
  }
}
