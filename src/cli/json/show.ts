/** What `moods show` and `moods erase --open` print with `--json`: nothing that a mood says, and no answer of a PDS in words. */

import { Type } from 'typebox'
import { ACCOUNT_STATES } from '../../domain/account.ts'
import { FINDING_KINDS } from '../../domain/finding-kinds.ts'
import { ERASURE_STEPS, FOUND } from '../../domain/erasure.ts'
import { HOLD_REASONS, SYNC_STATES } from '../../domain/sync.ts'
import { oneOf } from '../../http/contract.ts'
import { sighting } from './relays.ts'
import { closed, eachOf, many, nullable, reasonFields, someOf, time, who } from './shape.ts'

/** Why an account can or cannot be used. */
const reason = closed(reasonFields)

/** What stands in the way. */
const waiting = closed({ ...reasonFields, until: nullable(time) })

const error = closed({ code: Type.String({ description: 'of the PDS' }), at: time })

export const erasure = closed({
  kind: Type.Literal('erasure'),
  receipt: Type.String(),
  user: nullable(Type.String({ description: 'null once it is finished' })),
  handle: who.handle,
  requestedAt: time,
  done: Type.Array(
    closed({ step: oneOf(ERASURE_STEPS), at: time, needed: Type.Boolean(), found: nullable(oneOf(FOUND)) }),
  ),
  next: nullable(oneOf(ERASURE_STEPS)),
  reason: nullable(waiting),
})

/** What the PDS holds under a record key. */
const record = Type.Union([
  closed({
    kind: Type.Literal('there'),
    uri: Type.String(),
    cid: Type.String(),
    moodId: nullable(Type.String({ description: 'the mood that it names' })),
  }),
  closed({ kind: oneOf(['none', 'no_account']) }),
  closed({ kind: Type.Literal('unread'), code: Type.String({ description: 'why the PDS has not told' }) }),
])

const desired = Type.Union([
  closed({ kind: Type.Literal('record'), rkey: Type.String(), cid: Type.String() }),
  closed({ kind: Type.Literal('absent') }),
  closed({ kind: Type.Literal('hold'), reason: oneOf(HOLD_REASONS) }),
  closed({ kind: Type.Literal('invalid'), code: Type.String(), message: Type.String() }),
])

const mood = closed({
  kind: Type.Literal('mood'),
  id: Type.String(),
  ...who,
  ordinal: Type.Integer({ description: 'its number among the moods of its author' }),
  postedAt: time,
  firstPublishedAt: nullable(time),
  changedAt: nullable(time),
  version: many,
  isPrivate: Type.Boolean(),
  intensity: nullable(Type.Integer()),
  deleted: nullable(closed({ by: oneOf(['author', 'nuke']), records: oneOf(['withdraw', 'keep']) })),
  row: closed({
    state: oneOf(SYNC_STATES),
    hold: nullable(oneOf(HOLD_REASONS)),
    rkey: Type.String(),
    uri: nullable(Type.String()),
    cid: nullable(Type.String()),
    attempts: many,
    dueAt: nullable(time),
    error: nullable(error),
  }),
  reason: waiting,
  desired,
  record,
  isDesired: nullable(Type.Boolean({ description: 'whether the record is the desired one, by its CID' })),
  differs: Type.Array(Type.String(), { description: 'fields of the record that differ from the desired one' }),
  finding: nullable(oneOf(FINDING_KINDS)),
  twins: Type.Array(Type.String(), {
    description: 'other documents of its author with the same record key, which are odd',
  }),
})

/** An answer, or the code of why there is none. */
function asked<T extends Parameters<typeof nullable>[0]>(value: T) {
  return closed({ value: nullable(value), code: nullable(Type.String()) })
}

const identity = Type.Union([
  closed({
    kind: Type.Literal('known'),
    handle: nullable(Type.String()),
    pds: nullable(Type.String()),
  }),
  closed({ kind: oneOf(['unknown', 'invalid', 'deactivated']) }),
])

const user = closed({
  kind: Type.Literal('user'),
  ...who,
  account: nullable(
    closed({
      state: oneOf(ACCOUNT_STATES),
      did: nullable(Type.String()),
      pds: nullable(Type.String()),
      pdsHandle: nullable(Type.String()),
      error: nullable(error),
      former: Type.Array(closed({ did: Type.String(), pds: Type.String(), until: time, why: Type.String() }), {
        description: 'accounts that were replaced, the oldest first',
      }),
    }),
  ),
  reason,
  network: nullable(
    closed({
      identity: asked(identity),
      repo: asked(closed({ active: Type.Boolean(), status: nullable(Type.String()) })),
      handle: asked(Type.String()),
    }),
  ),
  repo: nullable(
    closed({
      dueAt: nullable(time),
      failures: many,
      uncertain: Type.Boolean(),
      quarantine: closed({ until: nullable(time), destructive: Type.Boolean() }),
      lease: nullable(closed({ owner: Type.String(), until: time })),
    }),
  ),
  blocked: closed({ host: nullable(time), account: nullable(time) }),
  budgets: Type.Array(
    closed({
      budget: oneOf(['points', 'requests', 'logins', 'events']),
      used: many,
      max: many,
      windowMs: many,
      endsAt: nullable(time),
    }),
  ),
  audit: nullable(
    closed({
      good: nullable(closed({ at: time, findings: someOf(FINDING_KINDS) })),
      failed: nullable(closed({ since: time, at: time, code: Type.String() })),
    }),
  ),
  relays: Type.Array(sighting, { description: 'what relays said last of the account' }),
  moods: eachOf(SYNC_STATES),
  waiting: Type.Array(
    closed({
      state: oneOf(SYNC_STATES),
      moods: many,
      oldest: closed({ id: Type.String(), postedAt: time }),
      reason: waiting,
    }),
    { description: 'moods that are not published, by what is in the way' },
  ),
  erasure: nullable(erasure),
})

const otherRecord = closed({
  kind: Type.Literal('record'),
  ...who,
  rkey: Type.String({ description: 'no mood’s own' }),
  record,
})

export const show = { things: Type.Array(Type.Union([user, mood, otherRecord, erasure])) }
