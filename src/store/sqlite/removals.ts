/** Removals that repairs have ordered, in SQLite. */

import type Database from 'better-sqlite3'
import type { Removal } from '../../domain/jobs.ts'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { readRemovals } from '../../domain/read-jobs.ts'
import type { RemovalStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { idOf, plain, type StoredRow } from './stored.ts'

export interface RemovalRow extends Removal {
  readonly user: string
}

/** Each row stands by itself: one that is odd stands in the way of no other. */
export function storedRemoval({ user, rkey, cid }: StoredRow<RemovalRow>): StoredDocument {
  return { id: idOf(user), values: { removals: [{ rkey: plain(rkey), cid: plain(cid) }] } }
}

/** What a row orders; nothing where it is odd: the repair that finds it wanting orders it again. */
export function removalsIn(row: StoredRow<RemovalRow>): readonly Removal[] {
  const reading = readRemovals(storedRemoval(row))
  return isOdd(reading) ? [] : reading.removals
}

export class SqliteRemovals implements RemovalStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      add: db.prepare<[string, string, string]>('INSERT OR REPLACE INTO removals VALUES (?, ?, ?)'),
      of: db.prepare<[string], StoredRow<RemovalRow>>('SELECT * FROM removals WHERE user = ? ORDER BY rkey'),
      forget: db.prepare<[string]>('DELETE FROM removals WHERE user = ?'),
      finish: db.prepare<[string, string]>('DELETE FROM removals WHERE user = ? AND rkey = ?'),
    }
  }

  add(user: string, removals: readonly Removal[]): Promise<void> {
    return this.#commit.runAll(() => {
      for (const { rkey, cid } of removals) this.#sql.add.run(user, rkey, cid)
    })
  }

  async of(user: string): Promise<readonly Removal[]> {
    return this.#sql.of.all(user).flatMap(removalsIn)
  }

  finish(user: string, rkeys: readonly string[]): Promise<void> {
    return this.#commit.runAll(() => {
      for (const rkey of rkeys) this.#sql.finish.run(user, rkey)
    })
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.forget.run(user))
  }
}
