/**
 * Audits any number of moods page by page. What a mood says of itself is compared with the repo by its CID alone; only the
 * moods that something is to be said about are kept, and audited together. Pure; finds exactly what {@link auditRepo} finds.
 *
 * That holds since a mood whose record is as it should be, and which no other record names or could mean, changes nothing
 * for any other mood: not whose a record is, nor where a record may stay.
 */

import { type AuditedRecord, type AuditInput, auditRepo, type RepoAudit } from './audit.ts'
import { addedCounts, type AuditCounts, NO_COUNTS } from './audit-counts.ts'
import { expectedRecord } from './expected.ts'
import type { Mood } from './mood.ts'
import type { OddMood } from './read-mood.ts'
import { belonging, type Desired, isRecordKey, mattersTo, moodIdIn } from './record.ts'

/** What is the same for all moods of a user. */
export type Standing = Pick<AuditInput, 'account' | 'policy' | 'removing' | 'modernise'>

const NONE: ReadonlySet<string> = new Set()

/** Moods of one user, as they are counted if the repo holds what it should. */
export class AuditPage {
  readonly moods: readonly Mood[]
  /** The record that each should have, by its key. */
  readonly expected: ReadonlyMap<string, AuditedRecord>
  readonly #standing: Standing
  readonly #desired: ReadonlyMap<Mood, Desired>
  /** Ids of those that have to be looked at, whatever the repo holds. */
  readonly #open: ReadonlySet<string | null>
  readonly #counts: AuditCounts

  constructor(moods: readonly Mood[], standing: Standing) {
    this.moods = moods
    this.#standing = standing
    this.#desired = new Map(moods.map((mood) => [mood, belonging(mood)]))
    const expected = new Map<string, AuditedRecord>()
    for (const mood of moods) {
      const record = expectedRecord(mood, this.#desired.get(mood)!)
      if (record !== null) expected.set(mood.sync.rkey, record)
    }
    this.expected = expected
    const { counts, findings, backlog } = this.#audit(moods.filter((mood) => !this.#isInStep(mood)))
    this.#open = new Set([...findings.map(({ moodId }) => moodId), ...backlog.map(({ id }) => id)])
    this.#counts = this.#withInStep(counts, moods)
  }

  /** Whether nothing more is to be said of a mood if the repo holds what is expected, and nothing else that concerns it. */
  isSettled({ id }: Mood): boolean {
    return !this.#open.has(id)
  }

  /** How these moods count, all of which are settled. */
  countsOf(moods: readonly Mood[]): AuditCounts {
    if (moods.length === this.moods.length) return this.#counts
    return this.#withInStep(this.#audit(moods.filter((mood) => !this.#isInStep(mood))).counts, moods)
  }

  /** Whether the row names just the record that should be there: so it is with nearly all, and there is no more to ask. */
  #isInStep(mood: Mood): boolean {
    const desired = this.#desired.get(mood)!
    const { state, cid, rkey } = mood.sync
    if (desired.kind !== 'record' || state !== 'published' || cid !== desired.cid) return false
    return this.expected.get(rkey)?.cid === cid && !this.#standing.removing.has(rkey)
  }

  /** @param others counts of those that are not in step */
  #withInStep(others: AuditCounts, moods: readonly Mood[]): AuditCounts {
    const synced = moods.length - others.moods
    return addedCounts(others, { ...NO_COUNTS, moods: synced, records: synced, synced })
  }

  #audit(moods: readonly Mood[]): RepoAudit {
    const records = new Map<string, AuditedRecord>()
    for (const { sync } of moods) {
      const record = this.expected.get(sync.rkey)
      if (record?.value !== undefined) records.set(sync.rkey, record)
    }
    const belongs = (mood: Mood): Desired => this.#desired.get(mood)!
    return auditRepo({ ...this.#standing, moods, odd: [], records, moving: NONE, belongs })
  }
}

/** What a repo holds, compared with what the moods of an earlier reading said it should. */
export interface Compared {
  /** How many records it holds. */
  readonly size: number
  /** Those that are not as they should be, or whose content was not known. */
  readonly records: ReadonlyMap<string, AuditedRecord>
  /** Record keys of those that should be there, and are not. */
  readonly missing: ReadonlySet<string>
  /** CID of what is there under any record key; null for nothing. */
  cidOf(rkey: string): string | null
}

/** The second reading of a user's moods, which keeps those that what was found in the repo concerns. */
export class PartAudit {
  readonly #standing: Standing
  readonly #compared: Compared
  readonly #matters: (mood: Mood) => boolean
  readonly #moods: Mood[] = []
  readonly #records: Map<string, AuditedRecord>
  readonly #moving = new Set<string>()
  #settled: AuditCounts = NO_COUNTS

  constructor(standing: Standing, compared: Compared) {
    this.#standing = standing
    this.#compared = compared
    this.#records = new Map(compared.records)
    this.#matters = mattersTo([...compared.records.values()].map(({ value }) => value))
  }

  /** @param hasMoved whether a mood has changed since the reading that the repo was compared with */
  add(page: AuditPage, hasMoved: (mood: Mood) => boolean): void {
    const { records, missing } = this.#compared
    const settled: Mood[] = []
    for (const mood of page.moods) {
      const { rkey } = mood.sync
      const moves = hasMoved(mood)
      const isNamed = records.has(rkey) || missing.has(rkey) || this.#matters(mood)
      if (!moves && !isNamed && page.isSettled(mood)) {
        settled.push(mood)
        continue
      }
      this.#moods.push(mood)
      if (moves) this.#moving.add(mood.id)
      const cid = isRecordKey(rkey) && !records.has(rkey) ? this.#compared.cidOf(rkey) : null
      if (cid === null) continue
      // As it should have been, so it is this mood's. Where the mood has changed meanwhile, the content matters no more.
      const expected = page.expected.get(rkey)
      this.#records.set(rkey, { cid, value: expected?.cid === cid ? expected.value : undefined })
    }
    if (settled.length > 0) this.#settled = addedCounts(this.#settled, page.countsOf(settled))
  }

  /** Ids of moods that the records name, and that are none of those that were kept. */
  get unknown(): readonly string[] {
    const known = new Set(this.#moods.map(({ id }) => id))
    const named = [...this.#compared.records.values()].flatMap(({ value }) => moodIdIn(value) ?? [])
    return named.filter((id) => !known.has(id))
  }

  /** @param odd those of the user, and those that the records name, that cannot be read for certain */
  result(odd: readonly OddMood[]): RepoAudit & { readonly isWhole: boolean } {
    const records = new Map([...this.#records].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    const { counts, ...found } = auditRepo({
      ...this.#standing,
      moods: this.#moods,
      odd,
      records,
      moving: this.#moving,
    })
    const sum = addedCounts(counts, this.#settled)
    const { size } = this.#compared
    return { ...found, counts: { ...sum, records: size }, isWhole: sum.records === size }
  }
}
