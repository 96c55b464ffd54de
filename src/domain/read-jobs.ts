/** The readers of orders about a user's moods, records or whole repo. They are total. */

import { type Erasure, ERASURE_STEPS, type ErasureTrouble, FOUND, nextStep } from './erasure.ts'
import type { Intent, Removal } from './jobs.ts'
import { type Fields, type Odd, readWith, type StoredDocument } from './odd.ts'
import { isRecordKey } from './record.ts'

const KINDS = ['nuke', 'restore'] as const
const RECORDS = ['withdraw', 'keep'] as const

/** Reads an intent of `kind`, `records`, `through`. Never throws. */
export function readIntent(stored: StoredDocument): Intent | Odd {
  const user = stored.id.text
  return readWith(stored, stored.id.isOdd ? null : user, (fields) => ({
    user,
    kind: fields.word('kind', KINDS),
    records: fields.word('records', RECORDS),
    through: fields.whole('through', 0),
  }))
}

/** What is to be removed from one user's repo. */
export interface UserRemovals {
  readonly user: string
  /** By record key. */
  readonly removals: readonly Removal[]
}

/** Reads the removals for one user of `removals`. Never throws. */
export function readRemovals(stored: StoredDocument): UserRemovals | Odd {
  const user = stored.id.text
  return readWith(stored, stored.id.isOdd ? null : user, (fields) => {
    const removals = fields.items('removals').map(removalIn)
    return { user, removals: removals.toSorted((a, b) => (a.rkey < b.rkey ? -1 : 1)) }
  })
}

function removalIn(fields: Fields): Removal {
  const rkey = fields.name('rkey')
  return isRecordKey(rkey) ? { rkey, cid: fields.name('cid') } : fields.fail('rkey', 'range')
}

/** Reads an erasure of `user`, `tombstone`, `requestedAt`, `done`, `version`. Never throws. */
export function readErasure(stored: StoredDocument): Erasure | Odd {
  return readWith(stored, stored.values['user'], (fields) => {
    const erasure = {
      receipt: stored.id.text,
      user: fields.nameOrNull('user'),
      tombstone: fields.name('tombstone'),
      requestedAt: fields.time('requestedAt'),
      done: doneIn(fields.fields('done')),
      trouble: troubleIn(fields.fieldsOrNull('trouble')),
      version: fields.whole('version', 1),
    }
    return erasure.user === null && nextStep(erasure) !== null ? fields.fail('user', 'missing') : erasure
  })
}

function doneIn(fields: Fields): Erasure['done'] {
  const unknown = fields.names.find((name) => !ERASURE_STEPS.some((step) => step === name))
  if (unknown !== undefined) return fields.fail(unknown, 'unknown')
  // One after the other: after a step that nobody has taken, no other can be.
  const taken = ERASURE_STEPS.slice(0, Math.max(1, fields.names.length))
  return Object.fromEntries(
    taken.map((step) => {
      const done = fields.fields(step)
      const found = done.wordOrNull('found', FOUND)
      return [step, { at: done.whole('at', 0), needed: done.flag('needed'), ...(found === null ? {} : { found }) }]
    }),
  )
}

function troubleIn(trouble: Fields | null): ErasureTrouble | null {
  return trouble && { code: trouble.name('code'), at: trouble.whole('at', 0) }
}
