/** What processes do one at a time, in SQLite: one row for each task. */

import type Database from 'better-sqlite3'
import { type Claim, mayClaim, READ_NOTE, type Task, type TaskNotes } from '../../domain/tasks.ts'
import type { TaskStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { json } from './stored.ts'

interface TaskRow {
  readonly last: string | null
  readonly owner: string | null
  readonly until: number | null
}

export class SqliteTasks implements TaskStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[string], TaskRow>('SELECT last, owner, until FROM tasks WHERE name = ?'),
      note: db.prepare<[string, string]>(`INSERT INTO tasks (name, last) VALUES (?, ?)
        ON CONFLICT DO UPDATE SET last = excluded.last`),
      claim: db.prepare<[string, string, number]>(`INSERT INTO tasks (name, owner, until) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET owner = excluded.owner, until = excluded.until`),
    }
  }

  claim(task: Task, owner: string, now: number, until: number): Promise<boolean> {
    return this.#commit.run(() => {
      if (!mayClaim(claimIn(this.#sql.get.get(task)), owner, now)) return false
      this.#sql.claim.run(task, owner, until)
      return true
    })
  }

  async last<T extends Task>(task: T): Promise<TaskNotes[T] | null> {
    return READ_NOTE[task](json(this.#sql.get.get(task)?.last))
  }

  note<T extends Task>(task: T, note: TaskNotes[T]): Promise<void> {
    return this.#commit.run(() => void this.#sql.note.run(task, JSON.stringify(note)))
  }
}

function claimIn(row: TaskRow | undefined): Claim | null {
  if (row === undefined || row.owner === null || row.until === null) return null
  return { owner: row.owner, until: row.until }
}
