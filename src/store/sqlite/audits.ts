/** What audits found, and what repairs have ordered, in SQLite. */

import type Database from 'better-sqlite3'
import type { AuditStore, RemovalStore, StoredAudit, SwitchStore } from '../../ports/store.ts'
import type { Removal } from '../../domain/jobs.ts'
import type { GroupCommit } from './group-commit.ts'

export class SqliteRemovals implements RemovalStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      add: db.prepare<[string, string, string]>('INSERT OR REPLACE INTO removals VALUES (?, ?, ?)'),
      of: db.prepare<[string], Removal>('SELECT rkey, cid FROM removals WHERE user = ? ORDER BY rkey'),
      finish: db.prepare<[string, string]>('DELETE FROM removals WHERE user = ? AND rkey = ?'),
    }
  }

  add(user: string, removals: readonly Removal[]): Promise<void> {
    return this.#commit.runAll(() => {
      for (const { rkey, cid } of removals) this.#sql.add.run(user, rkey, cid)
    })
  }

  async of(user: string): Promise<readonly Removal[]> {
    return this.#sql.of.all(user)
  }

  finish(user: string, rkeys: readonly string[]): Promise<void> {
    return this.#commit.runAll(() => {
      for (const rkey of rkeys) this.#sql.finish.run(user, rkey)
    })
  }
}

export class SqliteAudits implements AuditStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      put: db.prepare<[string, string]>('INSERT OR REPLACE INTO audits VALUES (?, ?)'),
      get: db.prepare<[string], string>('SELECT audit FROM audits WHERE user = ?').pluck(),
      page: db
        .prepare<[string, number], string>('SELECT audit FROM audits WHERE user > ? ORDER BY user LIMIT ?')
        .pluck(),
      remove: db.prepare<[string]>('DELETE FROM audits WHERE user = ?'),
    }
  }

  put(audit: StoredAudit): Promise<void> {
    return this.#commit.run(() => void this.#sql.put.run(audit.user, JSON.stringify(audit)))
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>> {
    const found = users.flatMap((user) => this.#sql.get.get(user) ?? [])
    return new Map(found.map((text) => JSON.parse(text) as StoredAudit).map((audit) => [audit.user, audit]))
  }

  async page(after: string, limit: number): Promise<readonly StoredAudit[]> {
    return this.#sql.page.all(after, limit).map((text) => JSON.parse(text) as StoredAudit)
  }

  remove(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}

export class SqliteSwitch implements SwitchStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[], number>(`SELECT is_off FROM switches WHERE name = 'publishing'`).pluck(),
      put: db.prepare<[number]>(`INSERT OR REPLACE INTO switches VALUES ('publishing', ?)`),
    }
  }

  async isOff(): Promise<boolean> {
    return this.#sql.get.get() === 1
  }

  turn(isOff: boolean): Promise<void> {
    return this.#commit.run(() => void this.#sql.put.run(isOff ? 1 : 0))
  }
}
