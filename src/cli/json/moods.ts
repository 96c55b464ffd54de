/** What the commands about moods and their records print with `--json`: from the state of an installation to the way back. */

import { Type } from 'typebox'
import { NO_COUNTS } from '../../domain/audit-counts.ts'
import { FINDING_KINDS } from '../../domain/finding-kinds.ts'
import { USER_HOLDS } from '../../domain/hold.ts'
import { NOTICE_CODES, NOTICE_LEVELS } from '../../domain/notice.ts'
import { ODD_KINDS } from '../../domain/odd.ts'
import { POLICY_MODES } from '../../domain/policy.ts'
import { SYNC_STATES } from '../../domain/sync.ts'
import { CLOSED, oneOf } from '../../http/contract.ts'
import { lastCheck } from './data.ts'
import { relay, standings } from './relays.ts'
import {
  closed,
  eachOf,
  many,
  manyBy,
  nullable,
  reasonFields,
  relayPlan,
  share,
  silent,
  someOf,
  time,
  who,
} from './shape.ts'

/** Moods that are held, by the reason; those of which there are none are left out. */
const held = Type.Array(closed({ ...reasonFields, moods: many }))

/** How all repos stand: each is in one of these numbers. */
const proofs = {
  accounts: Type.Integer({ minimum: 0, description: 'that have a repo' }),
  proven: Type.Integer({ minimum: 0, description: 'repos that a signed commit has shown equal to the database' }),
  oldest: nullable(time),
  findings: Type.Integer({ minimum: 0, description: 'repos in which the last look has found something' }),
  unprovable: manyBy('why nothing can be proven of them now'),
  unproven: Type.Integer({ minimum: 0, description: 'repos that were not looked at yet, or had work under way' }),
}

export const status = {
  address: nullable(Type.String({ description: 'where the API was last served' })),
  running: Type.Boolean(),
  pds: nullable(Type.String()),
  plc: nullable(Type.String()),
  store: Type.String(),
  moods: eachOf(SYNC_STATES),
  total: Type.Integer({ minimum: 0, description: 'all of these moods' }),
  deleted: Type.Integer({
    minimum: 0,
    description: 'of all these moods, in whatever state, how many their authors have deleted',
  }),
  held,
  accounts: eachOf(['pending', 'ready', 'needsAttention']),
  reasons: closed({
    rejected: manyBy('the code that moods were rejected with'),
    needsAttention: manyBy('the code for why accounts need attention'),
  }),
  workers: Type.Array(
    closed({
      id: Type.String({ description: 'names the process in the store' }),
      host: Type.String(),
      pid: Type.Integer(),
      role: oneOf(['all', 'worker']),
      version: Type.String(),
      since: time,
      lastSeen: time,
      alive: Type.Boolean(),
      progressedAt: nullable(time),
      ended: Type.Boolean({ description: 'it has ended in peace, when it was last seen' }),
      policyVersion: nullable(Type.Integer({ description: 'the version of the policy that it follows' })),
    }),
    { description: 'all that were alive within a day, of those that ended in peace the last one' },
  ),
  proofs: nullable(
    closed({
      ...proofs,
      countedAt: time,
      everyMs: Type.Integer({ minimum: 0, description: 'within which each is to be proven, in milliseconds' }),
    }),
  ),
  data: lastCheck,
  relays: Type.Array(closed({ relay, silentSince: nullable(time), accounts: standings })),
  notices: Type.Array(
    closed({
      code: oneOf(NOTICE_CODES),
      level: oneOf(NOTICE_LEVELS),
      since: nullable(time),
      text: Type.String(),
      detail: nullable(Type.String({ description: 'who, where, and which one' })),
      remedy: Type.String(),
    }),
    { description: 'what operators should know, the most urgent first' },
  ),
}

/** A user on the list. */
const entry = Type.String({ description: 'a handle without @, or "user:" and the sub of a user without a handle' })

const policy = closed({
  mode: oneOf(POLICY_MODES),
  percent: nullable(Type.Number({ minimum: 0, maximum: 100, description: 'null where no share counts' })),
  allow: Type.Array(entry, { description: 'the list, where one counts' }),
  kept: Type.Array(entry, { description: 'a list that does not count in this mode, and is kept for a later one' }),
  text: Type.String({ description: 'completes "federation is …"' }),
  by: nullable(Type.String()),
  since: nullable(time),
  reason: nullable(Type.String()),
  version: many,
})

const extent = closed({ moods: many, users: many })

/** All moods that are in no other of the groups. */
const settled = Type.Object(extent.properties, {
  ...CLOSED,
  description: 'moods that federation has no say in: published, private, deleted or refused',
})

export const federationStatus = {
  federation: policy,
  ignored: nullable(Type.String({ description: 'what the environment asks for, where that is not in force' })),
  users: closed({ all: many, included: many }),
  moods: closed({
    underWay: extent,
    held: extent,
    history: extent,
    noAccount: extent,
    settled,
  }),
}

export const federationChange = {
  executed: Type.Boolean(),
  unchanged: Type.Boolean({ description: 'exactly this policy was in force already, and stays as it is' }),
  before: policy,
  after: policy,
  users: closed({
    all: many,
    before: many,
    after: many,
    joining: Type.Integer({ minimum: 0, description: 'included after, and not before' }),
    leaving: Type.Integer({ minimum: 0, description: 'included before, and not after' }),
  }),
  effects: closed({
    released: extent,
    held: extent,
    underWay: extent,
    stillHeld: extent,
    history: extent,
    noAccount: extent,
    settled,
    withdrawn: extent,
  }),
}

export const retry = { executed: Type.Boolean(), moods: many, accounts: many }

const looks = {
  counts: eachOf(Object.keys(NO_COUNTS) as (keyof typeof NO_COUNTS)[]),
  findings: someOf(FINDING_KINDS),
}

/** What could not be asked, and what was known before. */
const unread = {
  silent,
  lastKnown: nullable(
    closed({
      repos: Type.Integer({ minimum: 0, description: 'that could not be read now, and were before' }),
      oldest: time,
      newest: time,
      ...looks,
    }),
  ),
}

const leftAlone = someOf(FINDING_KINDS, {
  description: 'findings that a repair leaves as they are, because federation leaves their authors out',
})

const summary = closed({
  users: many,
  audited: many,
  unchanged: many,
  unreadable: many,
  notReached: many,
  withoutAccount: many,
  clean: many,
  proven: Type.Integer({
    minimum: 0,
    description: 'of the clean ones, those that a commit proves whose signature was checked',
  }),
  ...looks,
  leftAlone,
  held,
  syncRate: share,
  ...unread,
})

/** What cannot be read for certain in a document. */
const odd = closed({
  field: Type.String({ description: 'path of the first field at fault' }),
  kind: oneOf(ODD_KINDS),
  mendable: Type.Boolean({ description: 'whether it can be converted without loss and without a guess' }),
  text: Type.String(),
  remedy: Type.String(),
})

export const audit = {
  summary,
  leftOut: nullable(Type.String({ description: 'why a repair leaves findings as they are, and what lets users in' })),
  relays: Type.Array(closed({ relay, standings }), {
    description: 'how the accounts of these users stand with each relay that is configured',
  }),
  users: Type.Array(
    closed({
      ...who,
      did: nullable(Type.String()),
      result: oneOf(['findings', 'unreadable', 'not_reached', 'no_account']),
      code: Type.Optional(Type.String({ description: 'why the repo could not be read' })),
      reason: nullable(closed(reasonFields)),
      findings: Type.Array(
        closed({
          kind: oneOf(FINDING_KINDS),
          rkey: nullable(Type.String()),
          mood: nullable(Type.String()),
          odd: nullable(odd),
          hold: nullable(oneOf(USER_HOLDS, { description: 'why a repair leaves it as it is' })),
        }),
      ),
    }),
    { description: 'users whose audit was not clean' },
  ),
}

export const repair = {
  executed: Type.Boolean(),
  ordered: someOf(FINDING_KINDS),
  leftAlone,
  before: summary,
  after: nullable(summary),
  left: Type.Integer({ minimum: 0, description: 'repairs that a second audit still finds necessary' }),
  refused: Type.Array(Type.String(), { description: 'moods whose rows refuse to be changed' }),
}

/** What became of moods: of all users together, and of each. */
const migration = {
  total: many,
  migrated: many,
  already: many,
  failed: many,
  notReached: many,
  skipped: eachOf(['private', 'deleted', 'tooLong', 'noAccount', 'other']),
}

export const backfill = {
  executed: Type.Boolean(),
  overall: closed({ users: many, withAccount: many, usersNotBegun: many, ...migration }),
  users: Type.Array(closed({ ...who, ...migration, reason: nullable(closed(reasonFields)) })),
  ...unread,
  relay: relayPlan,
}

export const report = {
  since: nullable(time),
  users: many,
  usersWithAccount: many,
  accountsWaiting: many,
  accountsNeedingAttention: many,
  moods: many,
  private: many,
  deleted: many,
  published: many,
  withReference: many,
  withoutReference: many,
  waiting: held,
  pending: many,
  rejected: many,
  rejectedBy: manyBy('code'),
  latency: nullable(closed({ count: many, average: Type.Number(), p50: Type.Number(), p99: Type.Number() })),
  syncRate: share,
  errorRate: share,
  firstPublished: nullable(time),
  audited: nullable(
    closed({ repos: many, records: many, findings: someOf(FINDING_KINDS), oldest: time, newest: time }),
  ),
  unread: nullable(
    closed({
      repos: Type.Integer({
        minimum: 0,
        description: 'that could not be read at their last audit: their PDS was silent, or refused',
      }),
      since: time,
      neverRead: many,
      codes: manyBy('why'),
    }),
  ),
  silent: unread.silent,
  data: lastCheck,
  proofs: closed(proofs),
}

export const rollback = {
  step: oneOf(['strip-references', 'delete-records']),
  undo: Type.Boolean(),
  executed: Type.Boolean(),
  found: many,
  users: Type.Integer({ minimum: 0, description: 'whose these are' }),
  left: many,
  unreadable: many,
  notReached: many,
  refused: Type.Array(Type.String(), { description: 'moods whose rows refuse to be changed' }),
  silent: unread.silent,
}
