import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aProof } from '../../test/support/audits.ts'
import { Foreign, isOdd, NOT_UTF8, type StoredDocument, type Values } from './odd.ts'
import { NO_COUNTS } from './audit-counts.ts'
import { NO_ACCOUNT, readAccount } from './read-account.ts'
import { type KindName, KINDS } from './readers.ts'
import { WHOLE } from '../../test/support/whole-documents.ts'

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
  it('reads a whole document', () => expect(isOdd(read(kind, WHOLE[kind]))).toBe(false))

  it('names the field that is never what it should be', () => {
    for (const path of paths(WHOLE[kind])) {
      for (const value of NEVER) {
        const reading = read(kind, withValue(WHOLE[kind], path, value) as Values)
        const where = [kind, ...path].join(' ')
        expect([where, value, isOdd(reading)]).toEqual([where, value, !UNREAD.has(where)])
        if (isOdd(reading)) expect(path.join('.')).toMatch(new RegExp(`^${reading.field.split('.')[0]}`))
      }
    }
  })

  it('says that an id is odd, whatever else stands there', () => {
    expect(read(kind, WHOLE[kind], { text: '5', isOdd: true })).toMatchObject({ id: '5', field: '_id', kind: 'type' })
  })

  it('gives a value or an oddity for anything', () => {
    const anything = fc.anything({ withDate: true, withBigInt: true, withMap: true, withSparseArray: true })
    fc.assert(
      fc.property(fc.constantFrom(...paths(WHOLE[kind])), anything, (path, value) => {
        expect(read(kind, withValue(WHOLE[kind], path, value) as Values)).toBeTypeOf('object')
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
