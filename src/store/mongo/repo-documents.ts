/** Repos of the queue as documents: how they are written, read, marked and made again. */

import { isDeepStrictEqual } from 'node:util'
import type { Document, Filter } from 'mongodb'
import type { Odd } from '../../domain/odd.ts'
import { FURTHEST } from '../../domain/furthest.ts'
import { rebuilt, type RepoState, unmarked } from '../../domain/queue.ts'
import { readRepo } from '../../domain/read-notes.ts'
import { storedDocument } from './stored.ts'

export interface RepoDocument {
  readonly _id: string
  readonly dueAt: Date | null
  readonly dueSetAt: Date
  readonly marks: number
  readonly failures: number
  readonly uncertain: boolean
  readonly quarantineUntil: Date
  readonly destructive: boolean
  readonly leaseToken: string | null
  readonly leaseOwner: string | null
  readonly leaseUntil: Date
}

const EPOCH = new Date(0)

/** What a document says of its repo. */
export function repoIn(document: Document): RepoState | Odd {
  return readRepo(storedDocument(document))
}

export function toRepoDocument({ user, ...repo }: RepoState): RepoDocument {
  const { dueAt, dueSetAt, marks, failures, uncertain, quarantine, lease } = repo
  return {
    _id: user,
    dueAt: dueAt === null ? null : new Date(dueAt),
    dueSetAt: new Date(dueSetAt),
    marks,
    failures,
    uncertain,
    quarantineUntil: new Date(quarantine.until),
    destructive: quarantine.destructive,
    ...leaseFields(lease),
  }
}

export function leaseFields(lease: RepoState['lease']): Pick<RepoDocument, 'leaseToken' | 'leaseOwner' | 'leaseUntil'> {
  return {
    leaseToken: lease?.token ?? null,
    leaseOwner: lease?.owner ?? null,
    leaseUntil: lease === null ? EPOCH : new Date(lease.until),
  }
}

/** The fields in which the document of one value differs from that of the other. */
export function changedFields(before: RepoState, after: RepoState): Partial<RepoDocument> {
  const old: Document = toRepoDocument(before)
  return Object.fromEntries(
    Object.entries(toRepoDocument(after)).filter(([name, value]) => !isDeepStrictEqual(value, old[name])),
  )
}

/** The repo, unless it was marked, claimed or released since. */
export function unchanged({ user, dueAt, marks, lease }: RepoState): Filter<RepoDocument> {
  return { _id: user, marks, dueAt: dueAt === null ? null : new Date(dueAt), leaseToken: lease?.token ?? null }
}

/** Takes the place of a whole document, but for what others keep in it. */
export function rebuiltFields(user: string, now: number): Omit<RepoDocument, '_id'> {
  const { _id, ...fields } = toRepoDocument(rebuilt(user, now))
  return fields
}

const { _id: _, ...FRESH } = toRepoDocument(unmarked(''))

const EVERY = Object.keys(FRESH)
const NONE = ['null', 'missing']

function isOf(name: keyof RepoDocument, types: readonly string[]): Document {
  return { $in: [{ $type: `$${name}` }, [...types]] }
}

const IS_NEW: Document = { $and: EVERY.map((name) => isOf(name as keyof RepoDocument, ['missing'])) }

/** Whether each field is of its type. What this lets pass and the reader does not is found by the next claim. */
const IS_TYPED: Document = {
  $and: [
    isOf('dueAt', ['date', ...NONE]),
    isOf('dueSetAt', ['date', ...NONE]),
    isOf('quarantineUntil', ['date']),
    isOf('leaseUntil', ['date']),
    isOf('leaseToken', ['string', ...NONE]),
    isOf('leaseOwner', ['string', ...NONE]),
    isOf('uncertain', ['bool']),
    isOf('destructive', ['bool']),
    isOf('marks', ['int', 'long', 'double']),
    isOf('failures', ['int', 'long', 'double']),
    { $gte: ['$marks', 0] },
    { $gte: ['$failures', 0] },
  ],
}

function withFields(fields: Document): Document {
  return { $mergeObjects: ['$$ROOT', { $literal: fields }] }
}

/** Whether the time in a field lies further ahead than its kind may. @param furthest in ms */
function isVoidField(name: keyof RepoDocument, now: number, furthest: number): Document {
  return { $gt: [`$${name}`, new Date(now + furthest)] }
}

/** What stands in the place of deadlines that are void: `bounded` of `domain/queue.ts`. */
function boundedFields(now: number): Document {
  const at = new Date(now)
  const isDueVoid = {
    $and: [
      isVoidField('dueAt', now, 0),
      { $or: [isVoidField('dueSetAt', now, FURTHEST.skew), isVoidField('dueAt', now, FURTHEST.repoDue)] },
    ],
  }
  const clamped = new Date(now + FURTHEST.quarantine)
  return {
    dueAt: { $cond: [isDueVoid, at, '$dueAt'] },
    dueSetAt: { $cond: [isDueVoid, at, '$dueSetAt'] },
    leaseUntil: { $cond: [isVoidField('leaseUntil', now, FURTHEST.lease), at, '$leaseUntil'] },
    quarantineUntil: {
      $cond: [isVoidField('quarantineUntil', now, FURTHEST.quarantine), clamped, '$quarantineUntil'],
    },
  }
}

/**
 * `marked` of `domain/queue.ts` as one request, which posts that race for a user's repo need not repeat. A property test
 * in `test/contract` holds it equal to the rule. A repo whose state cannot be read is `rebuilt`.
 */
export function markPipeline(now: number): Document[] {
  const at = new Date(now)
  const kept = { $cond: [IS_TYPED, '$$ROOT', withFields(rebuiltFields('', now))] }
  // What is not there comes before null.
  const isDue = { $and: [{ $gt: ['$dueAt', null] }, { $lte: ['$dueAt', at] }] }
  const needsNone = { $and: [isDue, { $lte: ['$leaseToken', null] }] }
  const waiting = { $ifNull: ['$dueAt', at] }
  const dueAfterMark = { $cond: [{ $gt: ['$failures', 0] }, waiting, { $min: [waiting, at] }] }
  return [
    { $replaceWith: { $cond: [IS_NEW, withFields(FRESH), kept] } },
    { $set: boundedFields(now) },
    {
      $set: {
        marks: { $cond: [needsNone, '$marks', { $add: ['$marks', 1] }] },
        dueAt: { $cond: [needsNone, '$dueAt', dueAfterMark] },
        dueSetAt: { $cond: [needsNone, '$dueSetAt', at] },
      },
    },
  ]
}
