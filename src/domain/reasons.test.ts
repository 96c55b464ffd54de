import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { commandsIn, wrongWith } from '../../test/support/commands.ts'
import { aMood, aReadyAccount, NOW } from '../../test/support/moods.ts'
import { ACCOUNT_STATES, newAccount, refused, sharingAccount, unreadableAccount } from './account.ts'
import { answeredOddly, blocked, type LedgerEntry, unreachable, UNUSED } from './budget.ts'
import { ERASURE_STEPS, finished, newErasure, nextStep, troubled } from './erasure.ts'
import { whyNotErased } from './erasure-reasons.ts'
import type { Mood } from './mood.ts'
import { type RepoState, unmarked } from './queue.ts'
import type { Desired } from './record.ts'
import {
  accountReason,
  type Facts,
  holdReason,
  type Reason,
  REASON_CODES,
  rowReason,
  silentReason,
  unreadableReason,
  whyNot,
} from './reasons.ts'
import { nameOf } from './user-names.ts'
import {
  delayed,
  failed,
  held,
  HOLD_REASONS,
  initial,
  type MoodSync,
  published,
  rejected,
  SYNC_STATES,
  withdrawn,
} from './sync.ts'

const SECRET = 'a text that only its author should know'
const error = { code: 'InvalidRequest', message: `refused: ${SECRET}`, at: NOW }
const pending = initial('key', false, NOW)

const syncs: readonly MoodSync[] = [
  pending,
  delayed(pending, NOW + 5_000),
  failed(pending, NOW + 5_000, error),
  published(pending, 'at://did/c/key', 'cid', { at: NOW, direct: true }),
  withdrawn(pending),
  rejected(pending, error),
  rejected(pending, { ...error, code: 'InvalidRecord' }),
  ...HOLD_REASONS.map((hold) => held(pending, hold)),
]

const ready = aReadyAccount()
const accounts = [
  null,
  newAccount('u1', 'alice'),
  refused(newAccount('u1', 'alice'), { ...error, code: 'HandleNotAvailable' }),
  refused(ready, { ...error, code: 'AccountTakedown' }),
  refused(ready, { ...error, code: 'SomethingElse' }),
  ready,
  sharingAccount(ready),
  unreadableAccount('u1', 'alice', {
    id: 'u1',
    user: 'u1',
    field: 'atproto.did',
    kind: 'type',
    mendable: false,
    meant: null,
  }),
]

const record: Desired = { kind: 'record', rkey: 'key', cid: 'cid', value: { $type: 'c', text: SECRET } }
const desires: readonly Desired[] = [
  record,
  { kind: 'absent' },
  { kind: 'invalid', code: 'InvalidRecord', message: 'text: too long' },
  ...HOLD_REASONS.map((reason) => ({ kind: 'hold', reason }) as const),
]

const lease = { token: 't', owner: 'host:1', until: NOW + 6_000 }
const repos: readonly (RepoState | null)[] = [
  null,
  unmarked('u1'),
  { ...unmarked('u1'), dueAt: NOW },
  { ...unmarked('u1'), dueAt: NOW, lease },
  { ...unmarked('u1'), dueAt: NOW, lease: { ...lease, until: NOW } },
  { ...unmarked('u1'), dueAt: NOW + 9_000, failures: 3 },
  { ...unmarked('u1'), dueAt: NOW + 9_000, quarantine: { until: NOW + 9_000, destructive: false } },
  { ...unmarked('u1'), dueAt: NOW + 9_000 },
]

const full: LedgerEntry = { windows: [{ used: 10, endsAt: NOW + 60_000 }], blockedUntil: 0, failures: 0 }
const entries: readonly LedgerEntry[] = [
  UNUSED,
  full,
  blocked(UNUSED, NOW + 30_000),
  unreachable(UNUSED, true, 20_000, NOW),
  unreachable(UNUSED, true, 20_000, NOW - 60_000),
]
const limits = { requests: [{ max: 10, windowMs: 60_000 }], points: [{ max: 10, windowMs: 60_000 }] }

/** A mood that is due, of a user with an account, with nothing in its way. */
const facts: Facts = {
  mood: { user: 'u1', isPrivate: false, sync: pending },
  desired: record,
  account: ready,
  repo: { ...unmarked('u1'), dueAt: NOW },
  isErased: false,
  federation: { includes: true, words: 'on' },
  workers: 1,
  requests: UNUSED,
  points: UNUSED,
  limits,
  now: NOW,
}

const anyFacts = fc.record({
  mood: fc.record({ user: fc.constant('u1'), isPrivate: fc.boolean(), sync: fc.constantFrom(...syncs) }),
  desired: fc.constantFrom(...desires),
  account: fc.constantFrom(...accounts),
  repo: fc.constantFrom(...repos),
  isErased: fc.boolean(),
  federation: fc.record({ includes: fc.boolean(), words: fc.constantFrom('off', '10 % of users') }),
  workers: fc.constantFrom(null, 0, 1, 2),
  requests: fc.constantFrom(...entries),
  points: fc.constantFrom(...entries),
  limits: fc.constantFrom(limits, { requests: [], points: [] }),
  now: fc.constant(NOW),
})

/** A reason must have a name for programs, a clause, and whole sentences that say what to do, naming commands that exist. */
function check({ code, text, remedy }: Reason): void {
  expect(REASON_CODES).toContain(code)
  expect(text).toMatch(/^[a-z].*[^.]$/s)
  expect(remedy).toMatch(/^[A-Z].*\.$/s)
  expect(text + remedy).not.toMatch(/undefined|null|\bNaN\b/)
  expect(text + remedy).not.toContain(SECRET)
  for (const command of commandsIn(remedy)) expect([command, wrongWith(command)]).toEqual([command, null])
  expect(remedy.replaceAll(/"moods [^"]+"/g, '')).not.toMatch(/\bmoods [a-z]+ --/)
}

describe('reasons', () => {
  it('are explained in the guide, each by its code, in the order of the code', () => {
    const guide = readFileSync('docs/guides/why-not-published.md', 'utf8')
    expect([...guide.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)).toEqual(REASON_CODES)
  })

  it('have words and a remedy for every hold', () => {
    for (const hold of HOLD_REASONS) {
      check(holdReason(hold))
      check(holdReason(hold, '@alice'))
      expect(holdReason(hold).code).toBe(hold)
    }
    expect(new Set(HOLD_REASONS.map((hold) => holdReason(hold).text)).size).toBe(HOLD_REASONS.length)
  })

  it('have words and a remedy for every state of an account, with the code of a refusal', () => {
    expect(new Set(accounts.map((account) => account?.state ?? null))).toEqual(new Set([null, ...ACCOUNT_STATES]))
    for (const account of accounts) {
      check(accountReason(account))
      check(accountReason(account, '@alice'))
      if (account?.error) expect(accountReason(account).text).toContain(account.error.code)
    }
  })

  it('have words and a remedy for every repository that cannot be read', () => {
    for (const account of accounts) if (account) check(unreadableReason(account, 'RepoNotFound', '@alice'))
    expect(unreadableReason(ready, 'RepoNotFound', '@alice')).toMatchObject({
      code: 'repo_unreadable',
      text: 'the repository cannot be read (RepoNotFound)',
      remedy: expect.stringContaining('"moods accounts check @alice"'),
    })
    check(silentReason('ECONNREFUSED'))
  })

  it('have words and a remedy for every state of a mood’s copy, from its row alone', () => {
    expect(new Set(syncs.map(({ state }) => state))).toEqual(new Set(SYNC_STATES))
    for (const sync of syncs) check(rowReason(sync, '@alice'))
    expect(rowReason(rejected(pending, error)).remedy).toContain('"moods retry --reason InvalidRequest --execute"')
  })

  it('name users as commands take them', () => {
    expect([nameOf('u1', 'alice'), nameOf('u1', null), nameOf('u1', '')]).toEqual(['@alice', 'u1', 'u1'])
    expect(holdReason('backfill', '@alice').remedy).toContain('"moods backfill @alice --execute"')
    expect(holdReason('backfill').remedy).toContain('"moods backfill --execute"')
  })
})

describe('whyNot', () => {
  it('has an answer for whatever stands in the way, and never a time in the past', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const waiting = whyNot(given)
        check(waiting)
        expect(waiting.until ?? Infinity).toBeGreaterThan(NOW)
      }),
      { numRuns: 3000 },
    )
  })

  it('calls nothing published that is not, and finds something in the way of every mood that is pending', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const { code } = whyNot({ ...given, isErased: false })
        expect(code === 'published').toBe(given.mood.sync.state === 'published')
        if (given.mood.sync.state === 'pending') expect(SYNC_STATES).not.toContain(code)
      }),
      { numRuns: 1000 },
    )
  })

  it('answers the same for whatever a mood says', () => {
    const mood = (text: string): Mood => aMood({ text, sync: failed(pending, NOW + 1, error) })
    expect(whyNot({ ...facts, mood: mood('one') })).toEqual(whyNot({ ...facts, mood: mood('two') }))
  })

  const soon = NOW + 5_000
  const dead = unreachable(UNUSED, true, 20_000, NOW)
  const spoiled = { method: 'com.atproto.repo.putRecord', said: '403 text/html' }
  const waitsForAccount: Desired = { kind: 'hold', reason: 'no_account' }
  const off: Desired = { kind: 'hold', reason: 'federation_off' }
  it.each<[string, number | null, Partial<Facts>]>([
    ['being_erased', null, { isErased: true, workers: 0 }],
    ['account_refused', null, { account: refused(ready, error), workers: 0, requests: dead }],
    ['account_refused', null, { account: refused(ready, error), desired: { kind: 'absent' } }],
    ['federation_off', null, { desired: off, workers: 0 }],
    ['no_worker', null, { workers: 0, requests: dead }],
    ['pds_silent', NOW + 20_000, { requests: dead, points: full }],
    ['pds_silent', null, { requests: unreachable(UNUSED, true, 20_000, NOW - 60_000) }],
    ['pds_silent', NOW + 20_000, { requests: answeredOddly(dead, spoiled, NOW, NOW) }],
    ['pds_unwell', NOW + 9_000, { requests: answeredOddly(UNUSED, spoiled, NOW, NOW), repo: repos[5]! }],
    ['in_turn', null, { requests: answeredOddly(UNUSED, spoiled, NOW, NOW), repo: repos[4]! }],
    ['pds_busy', NOW + 30_000, { requests: blocked(UNUSED, NOW + 30_000) }],
    ['pds_busy', NOW + 60_000, { requests: full }],
    ['budget_used', NOW + 60_000, { points: full }],
    ['budget_used', NOW + 30_000, { points: blocked(UNUSED, NOW + 30_000) }],
    [
      'refused_so_far',
      soon,
      { mood: { user: 'u1', isPrivate: false, sync: failed(pending, soon, error) }, repo: repos[5]! },
    ],
    ['backing_off', NOW + 9_000, { repo: repos[5]! }],
    ['late_write', NOW + 9_000, { repo: repos[6]! }],
    ['not_due', soon, { mood: { user: 'u1', isPrivate: false, sync: delayed(pending, soon) } }],
    ['at_work', lease.until, { repo: repos[3]! }],
    ['in_turn', null, { repo: repos[4]! }],
    ['in_turn', null, { workers: null }],
    ['account_pending', null, { account: newAccount('u1', 'alice'), desired: waitsForAccount }],
    [
      'no_account',
      null,
      {
        mood: { user: 'u1', isPrivate: false, sync: held(pending, 'no_account') },
        account: null,
        desired: waitsForAccount,
      },
    ],
    ['released', null, { mood: { user: 'u1', isPrivate: false, sync: held(pending, 'no_account') } }],
    ['released', null, { mood: { user: 'u1', isPrivate: false, sync: held(pending, 'federation_off') } }],
    ['backfill', null, { mood: { user: 'u1', isPrivate: false, sync: held(pending, 'backfill') } }],
    ['backfill', null, { mood: { user: 'u1', isPrivate: false, sync: held(pending, 'backfill') }, desired: off }],
    [
      'federation_off',
      null,
      { mood: { user: 'u1', isPrivate: false, sync: held(pending, 'federation_off') }, desired: off },
    ],
  ])('says %s, until %s', (code, until, change) => {
    expect(whyNot({ ...facts, ...change })).toMatchObject({ code, until })
  })

  it('keeps what is left of a budget for deletions', () => {
    const nearlyFull = { ...full, windows: [{ used: 9, endsAt: NOW + 60_000 }] }
    expect(whyNot({ ...facts, points: nearlyFull }).code).toBe('budget_used')
    expect(whyNot({ ...facts, points: nearlyFull, desired: { kind: 'absent' } }).code).toBe('in_turn')
  })

  it('gives the words of the policy where that leaves the author out', () => {
    const federation = { includes: false, words: 'off since Monday' }
    const unmade = { account: newAccount('u1', 'alice'), desired: off }
    for (const leftOut of [
      { desired: off },
      unmade,
      { ...unmade, mood: { user: 'u1', isPrivate: false, sync: held(pending, 'no_account') } },
    ]) {
      expect(whyNot({ ...facts, ...leftOut, federation }).text).toBe(
        'federation is off since Monday, which leaves the author out',
      )
    }
  })

  it('names every obstacle where to remove one of them alone publishes nothing', () => {
    const federation = { includes: false, words: 'off since Monday' }
    const without = { account: null, desired: waitsForAccount, federation }
    const unheld = { ...facts, ...without, mood: { user: 'u1', isPrivate: false, sync: held(pending, 'no_account') } }
    expect(whyNot(unheld)).toMatchObject({
      code: 'no_account',
      text: 'there is no account on a PDS yet, and federation is off since Monday, which leaves the author out',
      remedy: expect.stringMatching(/moods accounts provision.*moods federation/),
    })
    expect(
      whyNot({ ...unheld, mood: { user: 'u1', isPrivate: false, sync: held(pending, 'backfill') } }),
    ).toMatchObject({
      code: 'backfill',
      text: expect.stringMatching(
        /wait for a backfill, and there is no account .*, and federation is off since Monday/,
      ),
      remedy: expect.stringMatching(/moods accounts provision.*moods federation.*moods backfill/),
    })
    const included = whyNot({ ...unheld, federation: { includes: true, words: 'on' } })
    expect(included.text).toBe('there is no account on a PDS yet')
  })
})

describe('whyNotErased', () => {
  const anyErasure = fc
    .integer({ min: 1, max: ERASURE_STEPS.length })
    .map((n) =>
      ERASURE_STEPS.slice(1, n).reduce(
        (erasure, step) => finished(erasure, step, true, NOW),
        newErasure('receipt', 'u1', 'tombstone', NOW),
      ),
    )

  it('has an answer for every erasure that is not finished, and none for one that is', () => {
    fc.assert(
      fc.property(anyErasure, anyFacts, (erasure, given) => {
        const waiting = whyNotErased(erasure, given)
        expect(waiting === null).toBe(nextStep(erasure) === null)
        if (waiting) check(waiting)
      }),
      { numRuns: 2000 },
    )
  })

  const erasure = finished(newErasure('receipt', 'u1', 'tombstone', NOW), 'texts_removed', true, NOW)
  const verified = finished(finished(erasure, 'records_deleted', true, NOW), 'repo_verified', true, NOW)
  const takenDown = refused(ready, { ...error, code: 'AccountTakedown' })

  it('names a refusal, and how to go on, once the engine has tried', () => {
    const tried = troubled(erasure, 'AuthenticationRequired', NOW)
    const shut = refused(ready, { ...error, code: 'AuthenticationRequired' })
    const waiting = whyNotErased(tried, { ...facts, account: shut })
    expect(waiting).toMatchObject({
      code: 'account_refused',
      text: 'the PDS refuses the account (AuthenticationRequired)',
    })
    expect(waiting?.remedy).toContain('"moods retry --reason AuthenticationRequired --execute"')
    // What the PDS says of the account may be the end of the erasure.
    expect(whyNotErased(erasure, { ...facts, account: takenDown })?.code).toBe('in_turn')
    expect(whyNotErased(verified, { ...facts, account: takenDown })?.code).toBe('in_turn')
  })

  it('names what the last try came to, and since when', () => {
    const tried = troubled(troubled(verified, 'AccountStillThere', NOW), 'AccountStillThere', NOW + 60_000)
    expect(whyNotErased(tried, facts)).toMatchObject({
      code: 'backing_off',
      text: `the PDS has taken the order to delete the account, and still has the account, since ${new Date(NOW).toISOString()}`,
    })
  })

  it('names a PDS that does not answer, but only for an account that is there', () => {
    const dead = { ...facts, requests: unreachable(UNUSED, true, 20_000, NOW) }
    expect(whyNotErased(erasure, dead)).toMatchObject({ code: 'pds_silent', until: NOW + 20_000 })
    expect(whyNotErased(erasure, { ...dead, account: null })?.code).toBe('in_turn')
  })

  it('may use what is kept of the budgets for deletions', () => {
    const points = { ...full, windows: [{ used: 9, endsAt: NOW + 60_000 }] }
    expect(whyNotErased(erasure, { ...facts, points })?.code).toBe('in_turn')
    expect(whyNotErased(erasure, { ...facts, points: full })?.code).toBe('budget_used')
  })
})
