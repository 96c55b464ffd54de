import Database from 'better-sqlite3'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FEDERATE_ALL, FEDERATE_NONE } from '../../src/domain/policy.ts'
import { published } from '../../src/domain/sync.ts'
import { openSqlite, readSqlite } from '../../src/store/sqlite/index.ts'
import { temporaryFolder } from '../support/installation.ts'
import { OLD_AUDITS, OLD_AUDITS_READ } from '../support/audits.ts'
import { aMood, FIRST, NOW, unrepeated } from '../support/moods.ts'
import { withoutRules } from '../support/odd-rows.ts'
import { describeStore } from './store.ts'

describeStore('sqlite', async () => {
  const folder = await temporaryFolder()
  const file = join(folder.path, 'moods.sqlite')
  return {
    tellsOfMarks: false,
    connect: async () => openSqlite(file),
    async clear() {
      const db = new Database(file)
      const tables = db.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all()
      db.transaction(() => tables.forEach((table) => db.exec(`DELETE FROM "${table}"`)))()
      db.close()
    },
    async spoil(id) {
      const db = new Database(file)
      withoutRules(db)
      db.prepare('UPDATE moods SET is_private = 7 WHERE id = ?').run(id)
      db.close()
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
})

describe('sqlite', () => {
  it('waits for the disk before it answers, and uses a write-ahead log', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'moods.sqlite')
    await using store = openSqlite(file)
    await store.moods.add(unrepeated(aMood()))
    const db = new Database(file, { readonly: true })
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(db.prepare('SELECT count(*) FROM moods').pluck().get()).toBe(1)
    db.close()
  })

  it('opened for reading shows what others write, and writes nothing itself', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'moods.sqlite')
    await using store = openSqlite(file)
    await using reading = readSqlite(file)
    const { mood } = await store.moods.add(unrepeated(aMood()))
    expect(await reading.moods.byId(mood.id)).toEqual(mood)
    expect(await reading.work.count()).toMatchObject({ states: { pending: 1 } })
    await expect(reading.moods.purgeMoods([mood])).rejects.toThrow(/readonly/)
  })

  it('commits what is asked for in one turn together, and a failure spoils nothing else', async () => {
    await using folder = await temporaryFolder()
    await using store = openSqlite(join(folder.path, 'moods.sqlite'))
    const broken = aMood({ user: 'u2', text: null as unknown as string })
    const answers = await Promise.allSettled([
      store.moods.add(unrepeated(aMood({ user: 'u1' }))),
      store.moods.add(unrepeated(broken)),
      store.moods.add(unrepeated(aMood({ user: 'u3' }))),
    ])
    expect(answers.map((answer) => answer.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await store.work.count()).states.pending).toBe(2)
  })

  it('names rows that hold what no row should, and can convert none of them', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'moods.sqlite')
    await using store = openSqlite(file)
    const spoilt = [
      ['isPrivate', 'is_private = 7'],
      ['when', 'when_ms = -5'],
      ['intensity', 'intensity = 99'],
      ['mood', `text = CAST(x'EDA0BD' AS TEXT)`],
      ['atproto.error', `error = 'no JSON'`],
      ['atproto.version', 'version = -1'],
    ] as const
    const db = new Database(file)
    withoutRules(db)
    const wanted: string[] = []
    for (const [i, [field, set]] of spoilt.entries()) {
      const { mood } = await store.moods.add(unrepeated(aMood({ text: `mood ${i}`, user: `u${i}` })))
      db.prepare(`UPDATE moods SET ${set} WHERE id = ?`).run(mood.id)
      wanted.push(`${mood.id} ${field}`)
    }
    db.close()
    await store.moods.add(unrepeated(aMood({ text: 'A replacement \uFFFD that its author wrote' })))
    const found: string[] = []
    for await (const { odd } of store.data.scan('moods', new AbortController().signal)) {
      for (const { id, field, mending } of odd) {
        found.push(`${id} ${field}`)
        expect(mending).toBeNull()
      }
    }
    expect(found.toSorted()).toEqual(wanted.toSorted())
  })

  it('leaves a file of a newer version untouched', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'moods.sqlite')
    const newer = new Database(file)
    newer.pragma('user_version = 999')
    newer.exec('CREATE TABLE t (a)')
    newer.close()
    const before = readFileSync(file)
    expect(() => openSqlite(file)).toThrow(expect.objectContaining({ code: 'data_folder' }))
    expect(readFileSync(file)).toEqual(before)
  })

  it('brings a file of an older version up to date', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'moods.sqlite')
    const { mood } = await (async () => {
      await using store = openSqlite(file)
      const added = await store.moods.add(unrepeated(aMood()))
      await store.work.settle(
        [{ id: added.mood.id, version: 1, next: published(added.mood.sync, 'at://x', 'cid', FIRST) }],
        NOW,
      )
      return { mood: (await store.moods.byId(added.mood.id))! }
    })()
    const older = new Database(file)
    withoutRules(older)
    older.exec(`
      ALTER TABLE repos DROP COLUMN due_set_at; ALTER TABLE moods DROP COLUMN first_published; ALTER TABLE moods DROP COLUMN published_directly;
      DROP INDEX moods_held; DROP INDEX moods_rejected; DROP INDEX moods_waiting; DROP INDEX erasures_open; DROP TABLE workers; DROP TABLE policy; DROP TABLE tasks; DROP TABLE sightings;
      ALTER TABLE accounts DROP COLUMN former;
      ALTER TABLE erasures DROP COLUMN trouble;
      CREATE TABLE switches (name TEXT PRIMARY KEY, is_off INTEGER NOT NULL) WITHOUT ROWID, STRICT;
      INSERT INTO switches VALUES ('publishing', 1);
      CREATE INDEX moods_parked ON moods (hold, user) WHERE state = 'local'`)
    older.exec(`UPDATE moods SET intensity = 99; INSERT INTO handles VALUES ('', 'nobody')`)
    older.pragma('user_version = 1')
    older.close()
    await using store = openSqlite(file)
    // What the file had is there as it was, and named; new rows may not hold such things.
    const found: string[] = []
    for (const table of ['moods', 'handles']) {
      for await (const { odd } of store.data.scan(table, new AbortController().signal)) {
        found.push(...odd.map(({ field }) => field))
      }
    }
    expect(found).toEqual(['intensity', '_id'])
    const mended = new Database(file)
    expect(() => mended.exec('UPDATE moods SET intensity = 98')).toThrow(/moods.intensity/)
    mended.exec('UPDATE moods SET intensity = NULL')
    mended.close()
    // It was not noted when the mood was first published: its last change is the nearest there is.
    const firstPublished = { at: NOW, direct: true }
    expect(await store.moods.byId(mood.id)).toEqual({ ...mood, sync: { ...mood.sync, firstPublished } })
    // What was stopped by the switch of that version stays stopped.
    expect(await store.policy.begin({ policy: FEDERATE_ALL, by: 'a start', at: NOW, reason: null })).toMatchObject({
      policy: FEDERATE_NONE,
      reason: 'publishing was stopped with an earlier version',
    })
    const db = new Database(file, { readonly: true })
    const indexes = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'index'`).pluck().all()
    expect(indexes).toEqual(expect.arrayContaining(['moods_held', 'moods_rejected', 'moods_waiting', 'erasures_open']))
    expect(indexes).not.toContain('moods_parked')
    db.close()
  })

  it('reads audits as earlier versions stored them, and adds to them', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'moods.sqlite')
    await using store = openSqlite(file)
    const db = new Database(file)
    for (const audit of OLD_AUDITS) {
      db.prepare('INSERT INTO audits VALUES (?, ?)').run(audit.user, JSON.stringify(audit))
    }
    db.close()
    expect(await store.audits.page('', 9)).toEqual(OLD_AUDITS_READ)
    await store.audits.note('u1', { kind: 'failed', at: NOW + 1, code: 'X' })
    expect(await store.audits.page('', 1)).toMatchObject([
      { good: OLD_AUDITS_READ[0]!.good, failed: { since: NOW + 1 } },
    ])
  })

  it('finds due, held, rejected and waiting moods, open erasures, the next repo, and pages of the feed along an index', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'moods.sqlite')
    await using store = openSqlite(file)
    await store.moods.add(unrepeated(aMood()))
    const db = new Database(file, { readonly: true })
    const plan = (sql: string): string =>
      (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]).map((row) => row.detail).join('; ')
    const due = plan(
      `SELECT * FROM moods WHERE state = 'pending' AND user = 'u' AND due_at <= ${NOW} ORDER BY due_at LIMIT 200`,
    )
    expect(due).toContain('INDEX moods_due (user=? AND due_at<?)')
    expect(due).not.toContain('TEMP B-TREE')
    const claim = plan(`SELECT * FROM repos WHERE due_at <= ${NOW} AND lease_until <= ${NOW} ORDER BY due_at LIMIT 1`)
    expect(claim).toContain('INDEX repos_due (due_at<?)')
    expect(claim).not.toContain('TEMP B-TREE')
    const feed = plan(
      `SELECT * FROM moods WHERE deleted = 0 AND is_private = 0 AND (when_ms, id) < (${NOW}, 'x') ORDER BY when_ms DESC, id DESC LIMIT 50`,
    )
    expect(feed).toContain('INDEX moods_public')
    expect(feed).not.toContain('TEMP B-TREE')
    const held = plan(
      `SELECT * FROM moods WHERE state = 'local' AND hold = 'kept' AND user = 'u' AND id > 'x' ORDER BY id LIMIT 500`,
    )
    expect(held).toContain('INDEX moods_held (hold=? AND user=? AND id>?)')
    expect(held).not.toContain('TEMP B-TREE')
    const rejected = plan(`SELECT * FROM moods WHERE state = 'rejected' AND id > 'x' ORDER BY id LIMIT 500`)
    expect(rejected).toContain('INDEX moods_rejected (id>?)')
    expect(rejected).not.toContain('TEMP B-TREE')
    const waiting = plan(`SELECT * FROM moods WHERE state = 'pending' ORDER BY due_at, id LIMIT 1`)
    expect(waiting).toContain('INDEX moods_waiting')
    expect(waiting).not.toContain('TEMP B-TREE')
    const open = plan(
      `SELECT * FROM erasures WHERE user IS NOT NULL AND (requested_at, receipt) > (${NOW}, 'x') ORDER BY requested_at, receipt LIMIT 9`,
    )
    expect(open).toContain('INDEX erasures_open ((requested_at,receipt)>(?,?))')
    expect(open).not.toContain('TEMP B-TREE')
    db.close()
  })
})
