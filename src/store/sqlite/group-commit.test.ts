import Database from 'better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GroupCommit } from './group-commit.ts'

describe('GroupCommit', () => {
  let folder: string
  let db: Database.Database
  let other: Database.Database

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'moods-commit-'))
    db = new Database(join(folder, 'a.sqlite'), { timeout: 20 })
    db.pragma('journal_mode = WAL')
    db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)')
    other = new Database(join(folder, 'a.sqlite'), { timeout: 20 })
  })
  afterEach(() => {
    other.close()
    db.close()
    rmSync(folder, { recursive: true })
  })

  const rows = (): unknown => other.prepare('SELECT n FROM t ORDER BY n').pluck().all()

  it('answers after the commit, and one commit serves all who asked in one turn', async () => {
    const commit = new GroupCommit(db)
    const insert = db.prepare('INSERT INTO t VALUES (?)')
    const seen: unknown[] = []
    const asked = [1, 2, 3].map((n) =>
      commit
        .run(() => {
          insert.run(n)
          seen.push(rows())
        })
        .then(() => seen.push(rows())),
    )
    expect(rows()).toEqual([])
    await Promise.all(asked)
    // While the steps run, no other connection sees anything; a caller that was answered sees all of it.
    expect(seen).toEqual([[], [], [], [1, 2, 3], [1, 2, 3], [1, 2, 3]])
  })

  it('tries again while another process writes, and does not hold up this one meanwhile', async () => {
    const commit = new GroupCommit(db)
    const insert = db.prepare('INSERT INTO t VALUES (?)')
    other.exec('BEGIN IMMEDIATE')
    const asked = commit.run(() => insert.run(1))
    let turns = 0
    while (turns < 20) {
      await new Promise((resolve) => setImmediate(resolve))
      turns++
    }
    expect(turns).toBe(20)
    other.exec('COMMIT')
    await asked
    expect(rows()).toEqual([1])
  })

  it('rejects every caller when nothing could be committed', async () => {
    const commit = new GroupCommit(db)
    const asked = [1, 2].map((n) =>
      commit.run(() => {
        db.prepare('INSERT INTO t VALUES (?)').run(n)
        // The commit that follows will find no transaction to end.
        if (n === 2) db.exec('ROLLBACK')
      }),
    )
    const answers = await Promise.allSettled(asked)
    expect(answers.map((answer) => answer.status)).toEqual(['rejected', 'rejected'])
    expect(rows()).toEqual([])
  })
})
