import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aProof } from '../../test/support/audits.ts'
import { Foreign, isOdd, NOT_UTF8, type StoredDocument, type Values } from './odd.ts'
import { NO_COUNTS } from './audit.ts'
import { NO_ACCOUNT, readAccount } from './read-account.ts'
import { type KindName, KINDS } from './readers.ts'

const AT = new Date('2024-03-01T12:00:00Z')

/** One whole document of each kind. */
const GOOD: Readonly<Record<KindName, Values>> = {
  moods: { user: 'u1', mood: 'fine', when: AT },
  handles: { handle: 'anna' },
  users: {
    name: 'Anna',
    atproto: {
      did: 'did:plc:a',
      handle: 'anna.test',
      pds: 'https://pds.test',
      sealed: 'x',
      session: 'y',
      state: 'ready',
      candidate: 0,
      requeue: false,
      error: { code: 'Down', message: 'why', at: 5 },
      former: [{ did: 'did:plc:b', pds: 'https://old.test', until: 5, why: 'gone' }],
      version: 3,
    },
  },
  repos: {
    dueAt: AT,
    marks: 2,
    failures: 0,
    uncertain: false,
    quarantineUntil: AT,
    destructive: true,
    leaseToken: 't',
    leaseOwner: 'o',
    leaseUntil: AT,
  },
  intents: { kind: 'nuke', records: 'keep', through: 5 },
  erasures: { user: 'u1', tombstone: 'x', requestedAt: AT, done: { stopped: { at: 5, needed: true } }, version: 1 },
  removals: { removals: [{ rkey: 'a', cid: 'b' }] },
  audits: {
    good: { at: 5, rev: 'r', counts: { ...NO_COUNTS }, findings: { stray: 2 } },
    failed: { since: 6, at: 7, code: 'Down' },
  },
  policy: { mode: 'allow', percent: 12.5, allow: ['anna'], setBy: 'op', setAt: AT, reason: null, version: 2 },
  ledger: {
    entry: {
      windows: [{ used: 3, endsAt: 9 }],
      blockedUntil: 0,
      failures: 1,
      silentSince: 4,
      probeAt: 5,
      unwell: [{ method: 'a.b.c', said: '403 text/html', since: 4, at: 5 }],
    },
    revision: 1,
  },
  workers: {
    host: 'h',
    pid: 5,
    role: 'all',
    version: '1',
    since: AT,
    at: AT,
    policyVersion: null,
    progressedAt: 5,
    ended: true,
  },
}

/** What is never what it should be, wherever it stands. */
const NEVER: readonly unknown[] = [
  NaN,
  -5,
  Infinity,
  new Foreign('5'),
  new Foreign(null),
  NOT_UTF8,
  Symbol('x'),
  new Date(NaN),
  new Date(8.64e15),
  [[5]],
  [{}],
  () => 1,
]

const id = { text: 'u1', isOdd: false }
const kinds = Object.keys(KINDS) as KindName[]
const read = (kind: KindName, values: Values, of: StoredDocument['id'] = id) => KINDS[kind].read({ id: of, values })

/** Every path of a document. */
function paths(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [path]
  return [
    ...(path.length === 0 ? [] : [path]),
    ...Object.entries(value).flatMap(([name, inner]) => paths(inner, [...path, name])),
  ]
}

/** The same with another value at the path. */
function withValue(whole: unknown, [name, ...rest]: readonly string[], value: unknown): unknown {
  if (name === undefined) return value
  const inner = (whole as Values)[name]
  if (Array.isArray(whole)) return whole.with(Number(name), withValue(inner, rest, value))
  return { ...(whole as Values), [name]: withValue(inner, rest, value) }
}

/** Fields of which nothing depends: of the application, or of a reading that can be done without. */
const UNREAD = new Set(['users name', 'users atproto session', 'ledger revision'])

describe.each(kinds)('the reader of %s', (kind) => {
  it('reads a whole document', () => expect(isOdd(read(kind, GOOD[kind]))).toBe(false))

  it('names the field that is never what it should be', () => {
    for (const path of paths(GOOD[kind])) {
      for (const value of NEVER) {
        const reading = read(kind, withValue(GOOD[kind], path, value) as Values)
        const where = [kind, ...path].join(' ')
        expect([where, value, isOdd(reading)]).toEqual([where, value, !UNREAD.has(where)])
        if (isOdd(reading)) expect(path.join('.')).toMatch(new RegExp(`^${reading.field.split('.')[0]}`))
      }
    }
  })

  it('says that an id is odd, whatever else stands there', () => {
    expect(read(kind, GOOD[kind], { text: '5', isOdd: true })).toMatchObject({ id: '5', field: '_id', kind: 'type' })
  })

  it('gives a value or an oddity for anything', () => {
    const anything = fc.anything({ withDate: true, withBigInt: true, withMap: true, withSparseArray: true })
    fc.assert(
      fc.property(fc.constantFrom(...paths(GOOD[kind])), anything, (path, value) => {
        expect(read(kind, withValue(GOOD[kind], path, value) as Values)).toBeTypeOf('object')
      }),
      { numRuns: 300 },
    )
    fc.assert(fc.property(fc.dictionary(fc.string(), anything), (values) => typeof read(kind, values) === 'object'))
  })
})

it('an account that says nothing is none, and one that contradicts itself is odd', () => {
  const account = (atproto: unknown) => readAccount({ id, values: { atproto } }, 'https://pds.test')
  for (const none of [null, undefined, {}, { did: null }, { handle: 'a.test' }]) expect(account(none)).toBe(NO_ACCOUNT)
  expect(account({ did: 'did:plc:a' })).toMatchObject({ state: 'ready', pds: 'https://pds.test', version: 0 })
  expect(account({ state: 'ready' })).toMatchObject({ field: 'atproto.state', kind: 'contradiction' })
  expect(account(false)).toMatchObject({ field: 'atproto', mendable: true })
})

it('a proof that cannot be read is none, and costs nothing of the look that it stands with', () => {
  const proved = aProof(4)
  const look = (proof: unknown, findings = {}): unknown => {
    return KINDS.audits.read({ id, values: { good: { at: 5, rev: 'r', counts: NO_COUNTS, findings, proof } } })
  }
  expect(look(proved)).toMatchObject({ good: { proof: proved } })
  for (const path of [...paths(proved), []]) {
    for (const value of [...NEVER, null, undefined, 'x', '', 4.5, '5']) {
      expect(look(withValue(proved, path, value))).toMatchObject({ good: { at: 5, proof: null } })
    }
  }
  expect(look({ ...proved, seenAt: proved.at - 1 })).toMatchObject({ good: { proof: null } })
  expect(look(proved, { stray: 1 })).toMatchObject({ good: { findings: { stray: 1 }, proof: null } })
})

it('a look of an earlier version, which counted less, spares no other', () => {
  const lookOf = (counts: Values): unknown =>
    KINDS.audits.read({ id, values: { good: { at: 5, rev: 'r', counts, findings: {} } } })
  const { history: _, ...fewer } = NO_COUNTS
  expect(lookOf({ ...NO_COUNTS })).toMatchObject({ good: { rev: 'r', counts: NO_COUNTS } })
  expect(lookOf(fewer)).toMatchObject({ good: { rev: null, counts: NO_COUNTS } })
})
