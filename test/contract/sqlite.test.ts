import Database from 'better-sqlite3'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSqlite } from '../../src/store/sqlite/index.ts'
import { temporaryFolder } from '../support/installation.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'
import { storeContract } from './store.ts'

storeContract('sqlite', async () => {
  const folder = await temporaryFolder()
  const store = openSqlite(join(folder.path, 'moods.sqlite'))
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
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

  it('finds due moods, the next repo, and pages of the feed along an index', async () => {
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
    db.close()
  })
})
