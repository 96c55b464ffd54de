/** What relays say of accounts, in SQLite: one row for each account and relay. */

import type Database from 'better-sqlite3'
import { FURTHEST } from '../../domain/furthest.ts'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { readSighting } from '../../domain/read-notes.ts'
import { type RelayCounts, type Sighting, type Standing, STANDINGS } from '../../domain/sighting.ts'
import type { SightingStore } from '../../ports/sightings.ts'
import type { GroupCommit } from './group-commit.ts'
import { pageOf } from './pages.ts'
import { date, idOf, plain, type StoredRow } from './stored.ts'

interface SightingRow extends Omit<Sighting, 'pdsRev' | 'dueAt'> {
  readonly pds_rev: string | null
  readonly due_at: number
}

export function storedSighting(row: StoredRow<SightingRow>): StoredDocument {
  const { user, relay, did, at, standing, rev, pds_rev: pdsRev, due_at: dueAt } = row
  const texts = { user, relay, did, standing, rev, pdsRev }
  const values = Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, plain(value)]))
  return { id: idOf(user), values: { ...values, at: date(at), dueAt: date(dueAt) } }
}

/** Null for one that cannot be read, which is as if the relay had never been asked. */
function sightingIn(row: StoredRow<SightingRow>): Sighting | null {
  const reading = readSighting(storedSighting(row))
  return isOdd(reading) ? null : reading
}

interface DuePage {
  readonly relay: string
  readonly now: number
  readonly limit: number
}

export class SqliteSightings implements SightingStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      put: db.prepare<[Sighting]>(`INSERT OR REPLACE INTO sightings
        VALUES (:user, :relay, :did, :at, :standing, :rev, :pdsRev, :dueAt)`),
      of: db.prepare<[string], StoredRow<SightingRow>>('SELECT * FROM sightings WHERE user = ? ORDER BY relay'),
      due: db.prepare<[DuePage], StoredRow<SightingRow>>(
        'SELECT * FROM sightings WHERE relay = :relay AND due_at <= :now ORDER BY due_at LIMIT :limit',
      ),
      far: db.prepare<[DuePage], StoredRow<SightingRow>>(
        'SELECT * FROM sightings WHERE relay = :relay AND due_at > :now ORDER BY due_at LIMIT :limit',
      ),
      count: db.prepare<[], { relay: unknown; standing: unknown; n: number }>(
        'SELECT relay, standing, count(*) AS n FROM sightings GROUP BY relay, standing ORDER BY relay',
      ),
      remove: db.prepare<[string]>('DELETE FROM sightings WHERE user = ?'),
    }
  }

  note(sighting: Sighting): Promise<void> {
    return this.#commit.run(() => void this.#sql.put.run(sighting))
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, readonly Sighting[]>> {
    const found = [...new Set(users)].map((user) => this.#sql.of.all(user).map(sightingIn))
    const known = found.map((all) => all.filter((sighting) => sighting !== null))
    return new Map(known.flatMap((all) => (all.length === 0 ? [] : [[all[0]!.user, all] as const])))
  }

  async due(relay: string, now: number, limit: number): Promise<readonly Sighting[]> {
    const due = pageOf(this.#sql.due, { relay, now, limit }, sightingIn)
    const left = limit - due.length
    if (left === 0) return due
    return [...due, ...pageOf(this.#sql.far, { relay, now: now + FURTHEST.sighting, limit: left }, sightingIn)]
  }

  async count(): Promise<readonly RelayCounts[]> {
    const counts = new Map<string, Partial<Record<Standing, number>>>()
    for (const { relay, standing, n } of this.#sql.count.all()) {
      const known = STANDINGS.find((word) => word === standing)
      if (typeof relay !== 'string' || known === undefined) continue
      counts.set(relay, { ...counts.get(relay), [known]: n })
    }
    return [...counts].map(([relay, standings]) => ({ relay, standings }))
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
