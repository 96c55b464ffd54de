/**
 * Compares one repo with the primary: names every difference and what fixes it. Pure; it neither reads nor repairs.
 */

import { type AuditCounts, NO_COUNTS } from './audit-counts.ts'
import type { Account } from './account.ts'
import type { FindingKind } from './finding-kinds.ts'
import type { Mood } from './mood.ts'
import { type UserHold, userHold } from './hold.ts'
import type { FederationPolicy } from './policy.ts'
import type { Odd } from './odd.ts'
import type { OddMood } from './read-mood.ts'
import type { Reason } from './reasons.ts'
import {
  belonging,
  type Desired,
  isLegacyForm,
  isLegacyRecordOf,
  isPublic,
  isReadable,
  type Owner,
  ownersAmong,
} from './record.ts'

/** What fixes a finding. */
export type Fix =
  /** Let the engine look at the mood, at this record key and with the CID that the repo really holds. */
  | { readonly kind: 'enqueue'; readonly mood: Mood; readonly rkey: string; readonly cid: string | null }
  /** The right record is there already: note it. */
  | { readonly kind: 'adopt'; readonly mood: Mood; readonly rkey: string; readonly cid: string }
  /** A record that belongs to no mood, or a second one of a mood. */
  | { readonly kind: 'remove'; readonly rkey: string; readonly cid: string }
  /** Nothing that a repair may do: the mood, or another one whose record is in its place, cannot be read for certain. */
  | { readonly kind: 'none'; readonly odd: Odd }

export interface Finding {
  readonly kind: FindingKind
  readonly rkey: string | null
  readonly moodId: string | null
  readonly fix: Fix
  /** Why a repair leaves it as it is: nothing is published for the author now. Null where it mends it. */
  readonly hold: UserHold | null
}

/** Whether its repair takes away the record that is there, by an order of its own or because nothing of the mood may be there. */
export function isDeletion({ kind, rkey, fix }: Finding): boolean {
  return fix.kind === 'remove' || (rkey !== null && (kind === 'leaked' || kind === 'stray'))
}

/** How the moods of a user stand who has no repo, so that there is nothing to compare. */
export function countWithoutRepo(moods: readonly Mood[], hold: UserHold | null): AuditCounts {
  const counts: { -readonly [name in keyof AuditCounts]: number } = { ...NO_COUNTS, moods: moods.length }
  for (const mood of moods) counts[standingOf(mood, hold)]++
  return counts
}

function standingOf(mood: Mood, hold: UserHold | null): Exclude<keyof AuditCounts, 'moods' | 'records'> {
  const { state, hold: noted } = mood.sync
  if (state === 'pending') return 'inFlight'
  if (!isPublic(mood)) return mood.isPrivate ? 'private' : 'absent'
  if (belonging(mood).kind === 'invalid') return 'unpublishable'
  if (state === 'rejected') return 'rejected'
  if (noted === 'backfill') return 'history'
  return hold === 'federation_off' ? 'held' : 'noAccount'
}

/** What publishes a mood that is to be published, and is no finding. */
export function missing(mood: Mood): Finding {
  const fix = { kind: 'enqueue', mood, rkey: mood.sync.rkey, cid: mood.sync.cid } as const
  return { kind: 'missing', rkey: null, moodId: mood.id, fix, hold: null }
}

export interface RepoAudit {
  readonly findings: readonly Finding[]
  readonly counts: AuditCounts
  /**
   * What a backfill publishes beside: history that has never been on the network, and moods that are held no longer and are
   * not back at work yet. No findings: they are where they should be until then.
   */
  readonly backlog: readonly Mood[]
}

/** What a backfill did for one user. */
export interface BackfillReport {
  readonly user: string
  readonly handle: string | null
  readonly total: number
  /** Published by this backfill, or found there and noted; what it would be, in a dry run. */
  readonly migrated: number
  /** There and known already. */
  readonly already: number
  /** Refused, or held back: somebody has to look. */
  readonly failed: number
  /** The PDS did not answer, or the backfill was stopped before they were published: running it again publishes them. */
  readonly notReached: number
  readonly skipped: Readonly<Record<'private' | 'deleted' | 'tooLong' | 'noAccount' | 'other', number>>
  /** Why nothing, or not everything, could be done. */
  readonly reason: Reason | null
}

/** A record as it was read; `value` is undefined when it could not be. */
export interface AuditedRecord {
  readonly cid: string
  readonly value: unknown
}

export interface AuditInput {
  readonly account: Account
  readonly policy: FederationPolicy
  /** Every mood of the user, deleted ones too. */
  readonly moods: readonly Mood[]
  /** Those that cannot be read for certain, and may be the user's: they and their records are left alone. */
  readonly odd: readonly OddMood[]
  /** The whole collection: a part of it would make findings of what is only unread. */
  readonly records: ReadonlyMap<string, AuditedRecord>
  /** Moods that changed while the repo was read: whatever is there of them is on its way. */
  readonly moving: ReadonlySet<string>
  /** Record keys whose removal is under way. */
  readonly removing: ReadonlySet<string>
  /** Whether records of the older form are to be rewritten. */
  readonly modernise: boolean
  /** What belongs in the repo for a mood, where that has been worked out before. */
  readonly belongs?: (mood: Mood) => Desired
}

/** Compares. Each record is accounted for once, each mood once. */
export function auditRepo(input: AuditInput): RepoAudit {
  return new Auditor(input).run()
}

class Auditor {
  readonly #input: AuditInput
  readonly #findings: Finding[] = []
  /** Records that are accounted for. */
  readonly #seen: Set<string>
  /** Of each record that is not on its way out. */
  readonly #owners = new Map<string, Owner>()
  /** Records that name the mood, by its id. */
  readonly #copies = new Map<string, string[]>()
  /** Records that name no mood and have the text and the time of this one, by its id. */
  readonly #alike = new Map<string, string[]>()
  /** Record keys of the moods: each belongs to its own mood, whatever stands there. */
  readonly #keys: ReadonlySet<string>
  /** Odd moods by their ids, and the first record of each. */
  readonly #odd: ReadonlyMap<string, OddMood>
  readonly #oddRecords = new Map<string, string>()
  /** Why nothing is published for the user. It stops repairs, and hides no difference. */
  readonly #hold: UserHold | null
  readonly #backlog: Mood[] = []
  readonly #counts: { -readonly [name in keyof AuditCounts]: number }

  constructor(input: AuditInput) {
    this.#input = input
    this.#hold = userHold(input.account.user, input.account, input.policy)
    this.#counts = { ...NO_COUNTS, moods: input.moods.length, records: input.records.size }
    this.#seen = new Set(input.removing)
    this.#keys = new Set(input.moods.map(({ sync }) => sync.rkey))
    this.#odd = new Map(input.odd.map((odd) => [odd.id, odd]))
    const ownerOf = ownersAmong(input.moods, input.odd)
    for (const [rkey, { value }] of input.records) {
      if (this.#seen.has(rkey)) continue
      const owner = ownerOf(value, rkey)
      this.#owners.set(rkey, owner)
      if (owner.kind === 'odd') {
        this.#seen.add(rkey)
        if (!this.#oddRecords.has(owner.id)) this.#oddRecords.set(owner.id, rkey)
      }
      if (owner.kind !== 'mood') continue
      const found = owner.by === 'reference' ? this.#copies : this.#alike
      found.set(owner.id, [...(found.get(owner.id) ?? []), rkey].toSorted())
    }
  }

  run(): RepoAudit {
    const { moods, records, odd } = this.#input
    for (const mood of moods) this.#mood(mood)
    for (const one of odd) {
      const rkey = this.#oddRecords.get(one.id) ?? null
      this.#findings.push({ kind: 'odd', rkey, moodId: one.id, fix: { kind: 'none', odd: one }, hold: null })
    }
    for (const [rkey, { cid, value }] of records) {
      if (this.#seen.has(rkey)) continue
      const fix = { kind: 'remove', rkey, cid } as const
      const isGone = this.#owners.get(rkey)?.kind === 'gone'
      const kind = !isReadable(value) ? 'unreadable' : isGone ? 'stray' : 'foreign'
      this.#findings.push({ kind, rkey, moodId: null, fix, hold: null })
    }
    return { findings: this.#findings, counts: this.#counts, backlog: this.#backlog }
  }

  #mood(mood: Mood): void {
    const desired = (this.#input.belongs ?? belonging)(mood)
    const there = this.#recordsOf(mood, desired.kind === 'absent')
    for (const rkey of there) this.#seen.add(rkey)
    if (mood.sync.state === 'pending' || this.#input.moving.has(mood.id)) return void this.#counts.inFlight++
    switch (desired.kind) {
      case 'record':
        return this.#wanted(mood, there, desired.cid)
      case 'absent':
        return this.#unwanted(mood, there)
      case 'hold':
        return this.#kept(mood, there)
      case 'invalid':
        return void this.#counts.unpublishable++
    }
  }

  /**
   * Keys of the records that are this mood's: the one at its own key first, then copies, those of today's form first. One
   * that names no mood is taken where there is no other; further ones may be anybody's, and go only with a mood that must
   * not be there.
   */
  #recordsOf({ id, sync }: Mood, isUnwanted: boolean): string[] {
    const { records } = this.#input
    const owner = this.#owners.get(sync.rkey)
    const isAnothers = owner?.kind === 'gone' || (owner?.kind === 'mood' && owner.by === 'reference' && owner.id !== id)
    const isOwn = owner !== undefined && !this.#seen.has(sync.rkey) && !isAnothers
    const copies = (this.#copies.get(id) ?? []).filter((rkey) => rkey !== sync.rkey)
    const isNew = (rkey: string): number => (isLegacyForm(records.get(rkey)!.value) ? 1 : 0)
    const named = [...(isOwn ? [sync.rkey] : []), ...copies.toSorted((a, b) => isNew(a) - isNew(b))]
    const alike = (this.#alike.get(id) ?? []).filter((rkey) => !this.#keys.has(rkey))
    if (isUnwanted) return [...named, ...alike]
    return named.length > 0 ? named : alike.slice(0, 1)
  }

  #wanted(mood: Mood, there: readonly string[], wantedCid: string): void {
    const { sync } = mood
    // A copy at the key of another mood cannot stay there: that mood's own record needs it.
    const [misplaced, own] = this.#byPlace(mood, there)
    for (const rkey of misplaced) this.#remove('duplicate', mood, rkey)
    const [rkey, ...others] = this.#bestFirst(own, wantedCid)
    if (rkey === undefined) return this.#notThere(mood, misplaced.length > 0)
    for (const other of others) this.#remove('duplicate', mood, other)
    const { cid, value } = this.#input.records.get(rkey)!
    // The record is the one that the row names; a change of it waits, and the row says so.
    const isAsNoted = sync.state === 'local' && sync.rkey === rkey && sync.cid === cid
    if (isAsNoted && this.#isHeld(mood)) return this.#waits(mood)
    const isOlder = cid !== wantedCid && isLegacyRecordOf(mood, value)
    if (cid !== wantedCid && (!isOlder || this.#input.modernise)) {
      return this.#found('drift', mood, rkey, { kind: 'enqueue', mood, rkey, cid })
    }
    const isLinked = sync.state === 'published' && sync.rkey === rkey && sync.cid === cid
    if (!isLinked) return this.#found('unlinked', mood, rkey, { kind: 'adopt', mood, rkey, cid })
    this.#counts[isOlder ? 'legacy' : 'synced']++
  }

  /** @param isElsewhere a record of it is there, where it cannot stay */
  #notThere(mood: Mood, isElsewhere: boolean): void {
    const { state, hold, uri, cid, rkey, firstPublished } = mood.sync
    const wasThere = isElsewhere || uri !== null || cid !== null || state === 'published'
    if (state === 'rejected' && !isElsewhere) return void this.#counts.rejected++
    if (hold === 'backfill') {
      if (!wasThere && firstPublished === null) {
        this.#backlog.push(mood)
        return void this.#counts.history++
      }
    } else if (!wasThere && (this.#hold !== null || this.#isHeld(mood))) return this.#waits(mood)
    const kind = cid === null && state !== 'published' ? 'missing' : 'dangling'
    this.#found(kind, mood, null, { kind: 'enqueue', mood, rkey, cid: null })
  }

  /** Whether the row says that it waits for its author, and it does, or the engine is about to look again. */
  #isHeld({ sync: { hold } }: Mood): boolean {
    const { requeue } = this.#input.account
    return hold === 'federation_off' || (hold === 'no_account' && (this.#hold !== null || requeue))
  }

  /** Held back; or let go, and not back at work yet. */
  #waits(mood: Mood): void {
    if (this.#hold !== null) return void this.#counts.held++
    this.#backlog.push(mood)
    this.#counts.inFlight++
  }

  /** Those at keys of other moods, and the others. */
  #byPlace({ sync }: Mood, there: readonly string[]): [string[], string[]] {
    const isMisplaced = (rkey: string): boolean => rkey !== sync.rkey && this.#keys.has(rkey)
    return [there.filter(isMisplaced), there.filter((rkey) => !isMisplaced(rkey))]
  }

  /** The one to keep comes first: one that is exactly right (the row's own before others), else the first there is. */
  #bestFirst(there: readonly string[], wantedCid: string): string[] {
    const isRight = (rkey: string): boolean => this.#input.records.get(rkey)!.cid === wantedCid
    return [...there.filter(isRight), ...there.filter((rkey) => !isRight(rkey))]
  }

  /** Private, or taken back: none of its records may be there. */
  #unwanted(mood: Mood, there: readonly string[]): void {
    const { sync } = mood
    for (const rkey of there) {
      const kind = mood.isPrivate ? 'leaked' : 'stray'
      const { cid } = this.#input.records.get(rkey)!
      if (rkey === sync.rkey) this.#found(kind, mood, rkey, { kind: 'enqueue', mood, rkey, cid })
      else this.#remove(kind, mood, rkey)
    }
    if (there.length > 0) return
    if (sync.state === 'published') {
      return this.#found('dangling', mood, null, { kind: 'enqueue', mood, rkey: sync.rkey, cid: null })
    }
    this.#counts[mood.isPrivate ? 'private' : 'absent']++
  }

  /** Left as it is, but for second copies, and for a reference to nothing. */
  #kept(mood: Mood, there: readonly string[]): void {
    const [first, ...others] = there
    for (const rkey of others) this.#remove('duplicate', mood, rkey)
    const { sync } = mood
    if (first !== undefined) return void this.#counts.kept++
    // What another mood has put there is left as it is too.
    if (sync.state === 'published' && !this.#input.records.has(sync.rkey)) {
      return this.#found('dangling', mood, null, { kind: 'enqueue', mood, rkey: sync.rkey, cid: null })
    }
    this.#counts.absent++
  }

  #remove(kind: FindingKind, mood: Mood, rkey: string): void {
    this.#found(kind, mood, rkey, { kind: 'remove', rkey, cid: this.#input.records.get(rkey)!.cid })
  }

  #found(kind: FindingKind, mood: Mood, rkey: string | null, fix: Fix): void {
    // The engine would write over an odd mood's record, or delete it.
    const owner = fix.kind === 'enqueue' ? this.#owners.get(fix.rkey) : undefined
    const odd = owner?.kind === 'odd' ? this.#odd.get(owner.id) : undefined
    if (odd) this.#findings.push({ kind: 'odd', rkey: null, moodId: mood.id, fix: { kind: 'none', odd }, hold: null })
    else this.#findings.push({ kind, rkey, moodId: mood.id, fix, hold: isPublic(mood) ? this.#hold : null })
  }
}
