/** What SQLite does that surprises. */

import Database from 'better-sqlite3'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/installation.ts'

describe('SQLite', () => {
  it('keeps deleted text in the file unless secure_delete is on', async () => {
    await using folder = await temporaryFolder()
    const contentAfterDelete = (secure: 'ON' | 'OFF'): string => {
      const file = `${folder.path}/${secure}.sqlite`
      const db = new Database(file)
      db.pragma(`secure_delete = ${secure}`)
      db.exec(`CREATE TABLE moods (text TEXT); INSERT INTO moods VALUES ('a secret mood'), ('another one')`)
      db.exec(`DELETE FROM moods WHERE text = 'a secret mood'`)
      db.close()
      return readFileSync(file, 'latin1')
    }
    expect(contentAfterDelete('OFF')).toContain('a secret mood')
    expect(contentAfterDelete('ON')).not.toContain('a secret mood')
  })

  it('refuses to turn a read transaction into a write transaction once another process has written', async () => {
    await using folder = await temporaryFolder()
    const [one, other] = [1, 2].map(() => new Database(`${folder.path}/shared.sqlite`, { timeout: 0 }))
    one!.pragma('journal_mode = WAL')
    one!.exec('CREATE TABLE moods (text TEXT)')
    one!.exec('BEGIN DEFERRED; SELECT count(*) FROM moods')
    one!.prepare('SELECT count(*) FROM moods').get()
    other!.exec(`INSERT INTO moods VALUES ('from elsewhere')`)
    expect(() => one!.exec(`INSERT INTO moods VALUES ('too late')`)).toThrow(/locked/)
    one!.exec('ROLLBACK')
    one!.transaction(() => one!.exec(`INSERT INTO moods VALUES ('in time')`)).immediate()
    one!.close()
    other!.close()
  })

  it('stores a text in an INTEGER column unless the table is STRICT', () => {
    const db = new Database(':memory:')
    db.exec('CREATE TABLE loose (n INTEGER); CREATE TABLE firm (n INTEGER) STRICT')
    db.exec(`INSERT INTO loose VALUES ('many')`)
    expect(db.prepare('SELECT typeof(n) FROM loose').pluck().get()).toBe('text')
    expect(() => db.exec(`INSERT INTO firm VALUES ('many')`)).toThrow(/cannot store TEXT/)
    db.close()
  })

  it('takes NULLs for different values in a UNIQUE index', () => {
    const db = new Database(':memory:')
    db.exec('CREATE TABLE accounts (did TEXT UNIQUE); INSERT INTO accounts VALUES (NULL), (NULL)')
    expect(db.prepare('SELECT count(*) FROM accounts').pluck().get()).toBe(2)
    db.close()
  })
})
