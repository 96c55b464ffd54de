/** One mood: its row, and its record as the PDS holds it now. */

import { isDeepStrictEqual } from 'node:util'
import { type Account, isReady } from '../domain/account.ts'
import { auditRepo, type Finding } from '../domain/audit.ts'
import type { FindingKind } from '../domain/finding-kinds.ts'
import { firstWords, type Mood } from '../domain/mood.ts'
import { codeOf } from '../domain/outcome.ts'
import { findingReason } from '../domain/mood-reasons.ts'
import type { Waiting } from '../domain/reasons.ts'
import { inForce } from '../domain/policy.ts'
import type { OddMood } from '../domain/read-mood.ts'
import { belonging, COLLECTION, type Desired, moodIdIn, uriOf } from '../domain/record.ts'
import type { OperatorDeps } from './deps.ts'
import { desiredOf, type Standing, type StandingDeps, standingOf, whyNotNow } from './standing.ts'

export type ShowMoodDeps = StandingDeps & Pick<OperatorDeps, 'client'>

/** What the PDS holds under a record key. */
export type SeenRecord =
  | {
      readonly kind: 'there'
      readonly uri: string
      readonly cid: string
      /** The mood that it names; null when it names none. */
      readonly moodId: string | null
    }
  | { readonly kind: 'none' }
  /** There is no repository to look into. */
  | { readonly kind: 'no_account' }
  /** The PDS did not answer, or refused to. */
  | { readonly kind: 'unread'; readonly code: string }

export interface ShownMood {
  readonly kind: 'mood'
  readonly mood: Omit<Mood, 'text' | 'context'>
  readonly handle: string | null
  /** When the row was last changed, in ms since 1970; null where that was never noted. */
  readonly changedAt: number | null
  /** Why the network does not show what the row wants, or that it does. */
  readonly reason: Waiting
  /** What the repository should hold, without its content. */
  readonly desired:
    | { readonly kind: 'record'; readonly rkey: string; readonly cid: string }
    | Exclude<Desired, { readonly kind: 'record' }>
  readonly record: SeenRecord
  /** Whether the record is the one that belongs there, by its CID; null where there is none, or none belongs there. */
  readonly isDesired: boolean | null
  /** Fields in which the record differs from the one that belongs there. */
  readonly differs: readonly string[]
  /** How row and record disagree, in the word of an audit; null when they agree, work is under way, or nothing was read. */
  readonly finding: FindingKind | null
  /** Other documents of the user with the same record key, by their ids: this one is published, and those are odd. */
  readonly twins: readonly string[]
  /** The first words of a mood that is not private, if they were asked for. */
  readonly words: string | null
}

/** @param withWords whether to give the first words of the text: for a terminal, never for a log or a file */
export async function showMood(deps: ShowMoodDeps, mood: Mood, withWords: boolean): Promise<ShownMood> {
  const { store, client } = deps
  const standing = await standingOf(deps, mood.user)
  const desired = desiredOf(standing, mood)
  const changedAt = await store.moods.changedAt(mood.id)
  const { record, value } = await readRecord(client, standing.account, mood.sync.rkey)
  const { text, context: _, ...row } = mood
  // Compared also where nothing may be written: what stands there can be read by anybody.
  const wanted = belonging(mood)
  const isBoth = record.kind === 'there' && wanted.kind === 'record'
  const finding = findingOf(standing, mood, record, value)
  const found = finding && { ...findingReason(finding.kind, finding.hold, standing.name), until: null }
  return {
    kind: 'mood',
    mood: row,
    handle: standing.handle,
    changedAt,
    reason: found ?? whyNotNow(standing, mood),
    desired: desired.kind === 'record' ? { kind: 'record', rkey: desired.rkey, cid: desired.cid } : desired,
    record,
    isDesired: isBoth ? record.cid === wanted.cid : null,
    differs: isBoth && record.cid !== wanted.cid ? fieldsThatDiffer(value, wanted.value) : [],
    finding: finding?.kind ?? null,
    twins: (await store.odd.of(mood.user)).filter((odd) => isTwin(odd, mood)).map(({ id }) => id),
    words: withWords && !mood.isPrivate ? firstWords(text) : null,
  }
}

function isTwin({ user, kind, field, rkeys }: OddMood, mood: Mood): boolean {
  return user === mood.user && kind === 'shared' && field === 'atproto.rkey' && rkeys.includes(mood.sync.rkey)
}

/** A record, with the content as it was read: anything at all. */
export async function readRecord(
  client: OperatorDeps['client'],
  account: Account | null,
  rkey: string,
): Promise<{ readonly record: SeenRecord; readonly value: unknown }> {
  if (account === null || account.did === null || account.pds === null) {
    return { record: { kind: 'no_account' }, value: null }
  }
  const { did, pds } = account
  const answer = await client.get({ did, pds }, COLLECTION, rkey)
  if (answer.kind !== 'ok') return { record: { kind: 'unread', code: codeOf(answer) }, value: null }
  if (answer.value === null) return { record: { kind: 'none' }, value: null }
  const { cid, value } = answer.value
  return { record: { kind: 'there', uri: uriOf(did, rkey), cid, moodId: moodIdIn(value) }, value }
}

/** Names of fields, never what is in them. */
function fieldsThatDiffer(value: unknown, desired: Readonly<Record<string, unknown>>): string[] {
  const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  const names = new Set([...Object.keys(fields), ...Object.keys(desired)])
  return [...names].filter((name) => !isDeepStrictEqual(fields[name], desired[name])).toSorted()
}

/** What an audit of this mood and this record alone would find. */
function findingOf(standing: Standing, mood: Mood, record: SeenRecord, value: unknown): Finding | null {
  const { account, policy } = standing
  if (!isReady(account) || record.kind === 'unread') return null
  const records = new Map(record.kind === 'there' ? [[mood.sync.rkey, { cid: record.cid, value }]] : [])
  const none = new Set<string>()
  const input = {
    account,
    policy: inForce(policy),
    moods: [mood],
    odd: [],
    records,
    moving: none,
    removing: none,
    modernise: false,
  }
  return auditRepo(input).findings[0] ?? null
}
