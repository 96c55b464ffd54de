import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Foreign, NOT_UTF8, type Values, isOdd } from './odd.ts'
import { readMood } from './read-mood.ts'
import { isValidTid } from '@atproto/syntax'

const WHEN = new Date('2024-03-01T12:00:00Z')
const GOOD: Values = { user: 'u1', mood: 'fine', when: WHEN }
const id = { text: '65e1c3b8a3b4852ff8b00e1f', isOdd: false }

const read = (values: Values) => readMood({ id, values: { ...GOOD, ...values } })
const moodOf = (values: Values) => {
  const reading = read(values)
  if (isOdd(reading)) throw new Error(`${reading.field} is odd: ${reading.kind}`)
  return reading.mood
}
const oddOf = (values: Values) => {
  const reading = read(values)
  return isOdd(reading) ? [reading.field, reading.kind, reading.mendable] : 'a mood'
}

/** Values as a database may hold them, nasty ones above all. */
const NASTY: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    undefined,
    true,
    false,
    0,
    1,
    -1,
    NaN,
    Infinity,
    3.5,
    2 ** 53,
    1e300,
    '',
    'true',
    '\uFFFD',
    '\0',
  ),
  fc.constantFrom('2024-03-01T12:00:00Z', '2024-03-01', NOT_UTF8, new Foreign(null), new Foreign('1709294400000')),
  fc.constantFrom(new Date(NaN), new Date(0), new Date(-1), new Date(8.64e15), new Date('9999-12-31T23:59:59Z'), WHEN),
  fc.constantFrom('pending', 'published', 'a/b', 'private', { by: 'nuke', records: 'keep' }, { by: 'nuke' }),
  fc.constantFrom({ code: 'X', message: 'm', at: 1 }, { code: 'X' }, [], [false], [null], ['u1'], {}, { $date: 1 }),
  fc.anything({ withDate: true, withNullPrototype: true, withSparseArray: true }),
)
const ENGINE = [
  'state',
  'rkey',
  'uri',
  'cid',
  'dueAt',
  'attempts',
  'hold',
  'error',
  'version',
  'changedAt',
  'ordinal',
  'deletion',
]
const ATPROTO = fc.oneof(
  NASTY,
  fc.record(Object.fromEntries(ENGINE.map((name) => [name, NASTY])), { requiredKeys: [] }),
)
const OURS = ['user', 'mood', 'when', 'intensity', 'context', 'isPrivate', 'deleted']
const ANY = fc
  .record({ ...Object.fromEntries(OURS.map((name) => [name, NASTY])), atproto: ATPROTO }, { requiredKeys: [] })
  .map((values): Record<string, unknown> => Object.assign({}, GOOD, values))

/** What holds of every mood that was read, said without the reader. */
function isCertain(values: Record<string, unknown>): boolean {
  const time = values['when']
  const isNo = (flag: unknown) => flag === null || flag === undefined || flag === false
  return (
    typeof values['user'] === 'string' &&
    values['user'] !== '' &&
    typeof values['mood'] === 'string' &&
    time instanceof Date &&
    time.getTime() >= 0 &&
    time.getUTCFullYear() <= 2255 &&
    (isNo(values['isPrivate']) || values['isPrivate'] === true) &&
    (isNo(values['deleted']) || values['deleted'] === true)
  )
}

describe('reading a mood', () => {
  it('gives a mood or says what is odd, whatever the document holds', () => {
    fc.assert(
      fc.property(ANY, (values) => {
        const reading = readMood({ id, values })
        if (isOdd(reading)) {
          expect(reading.field).not.toBe('')
          expect(reading.user).toSatisfy((user) => user === null || user === values['user'])
          return
        }
        const { mood } = reading
        expect(isCertain(values)).toBe(true)
        expect(mood).toMatchObject({
          user: values['user'],
          text: values['mood'],
          isPrivate: values['isPrivate'] === true,
        })
        expect(mood.deleted !== null).toBe(values['deleted'] === true)
        expect(mood.when).toBe((values['when'] as Date).getTime())
        expect(mood.sync.rkey).toMatch(/^[A-Za-z0-9._:~-]{1,512}$/)
        expect([null, values['intensity']]).toContain(mood.intensity)
        expect([null, values['context']]).toContain(mood.context)
        // Everything that the engine computes with is a number.
        expect([mood.version, mood.ordinal, mood.sync.attempts].every(Number.isSafeInteger)).toBe(true)
        if (mood.sync.state === 'pending') expect(Number.isSafeInteger(mood.sync.dueAt)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  it('takes only absent, null and false for “not private” and “not deleted”', () => {
    for (const name of ['isPrivate', 'deleted']) {
      for (const no of [undefined, null, false])
        expect(moodOf({ [name]: no })).toMatchObject({ isPrivate: false, deleted: null })
      for (const mendable of ['true', 'false', 0, 1, new Foreign('1')]) {
        expect(oddOf({ [name]: mendable })).toEqual([name, 'type', true])
      }
      for (const odd of ['', 'yes', 2, NaN, [], [false], {}, WHEN, new Foreign(null)]) {
        expect(oddOf({ [name]: odd })).toEqual([name, 'type', false])
      }
    }
    expect(moodOf({ isPrivate: true, deleted: true })).toMatchObject({
      isPrivate: true,
      deleted: { by: 'author', records: 'keep' },
    })
  })

  it('takes only dates from 1970 to 2255 for times, and knows which others surely mean one', () => {
    for (const year of [1970, 2003, 2024, 2255]) {
      const mood = moodOf({ when: new Date(`${year}-01-02T00:00:00Z`) })
      expect(new Date(mood.when).getUTCFullYear()).toBe(year)
      expect(isValidTid(mood.sync.rkey)).toBe(true)
    }
    for (const year of ['0001', '1969', '2262', '9999', '+275760']) {
      expect(oddOf({ when: new Date(`${year}-01-02T00:00:00Z`) }), year).toEqual(['when', 'range', false])
    }
    expect(oddOf({ when: undefined })).toEqual(['when', 'missing', false])
    expect(oddOf({ when: null })).toEqual(['when', 'missing', false])
    const sure = ['2024-03-01T13:00:00+01:00', '2024-02-29T12:00:00.123Z', 1709294400000, new Foreign('1709294400000')]
    for (const when of [...sure, { $date: '2024-03-01T12:00:00Z' }, { $date: { $numberLong: '1709294400000' } }]) {
      expect(oddOf({ when }), JSON.stringify(when)).toEqual(['when', 'type', true])
    }
    const guesses = [
      '2024-03-01T12:00:00',
      '2024-03-01',
      '2023-02-29T12:00:00Z',
      '2024-03-01T12:00:00.1234Z',
      'today',
      '',
    ]
    for (const when of [
      ...guesses,
      1709294400,
      1709294400000000,
      NaN,
      1709294400000.5,
      new Foreign(null),
      {},
      [WHEN],
    ]) {
      expect(oddOf({ when }), JSON.stringify(when)).toEqual(['when', 'type', false])
    }
  })

  it('names no user who is not one, and keeps a text as it is', () => {
    for (const user of [5, ['u1'], {}, new Foreign(null)])
      expect(read({ user })).toMatchObject({ field: 'user', user: null })
    expect(oddOf({ user: '' })).toEqual(['user', 'missing', false])
    expect(oddOf({ user: null })).toEqual(['user', 'missing', false])
    expect(oddOf({ user: 'a\uFFFD' })).toEqual(['user', 'not_utf8', false])
    for (const mood of ['\uFEFFhello', '\0', '\u202Etxt', '\uFFFD', '']) expect(moodOf({ mood }).text).toBe(mood)
    expect(oddOf({ mood: NOT_UTF8 })).toEqual(['mood', 'not_utf8', false])
    expect(oddOf({ mood: 42 })).toEqual(['mood', 'type', false])
    expect(read({ mood: 42 })).toMatchObject({ id: id.text, user: 'u1' })
    expect(readMood({ id: { text: 'x'.repeat(513), isOdd: false }, values: GOOD })).toMatchObject({ field: '_id' })
    expect(isOdd(readMood({ id: { text: 'x'.repeat(512), isOdd: false }, values: GOOD }))).toBe(false)
    expect(readMood({ id: { text: '7001', isOdd: true }, values: GOOD })).toMatchObject({ id: '7001', field: '_id' })
  })

  it('takes whole numbers from 1 to 10 for an intensity', () => {
    expect([moodOf({ intensity: 7 }).intensity, moodOf({ intensity: null }).intensity]).toEqual([7, null])
    expect(oddOf({ intensity: new Foreign('7') })).toEqual(['intensity', 'type', true])
    for (const intensity of ['high', NaN, 3.5, {}, [7]])
      expect(oddOf({ intensity })).toEqual(['intensity', 'type', false])
    for (const intensity of [0, 11, -1]) expect(oddOf({ intensity })).toEqual(['intensity', 'range', false])
  })

  it('takes nothing that a mood says of its record for evidence, and gives it a key where it has none', () => {
    for (const rkey of [5, 'a/b', '', '..', 'é', ['x'], null]) {
      expect(isValidTid(moodOf({ atproto: { rkey } }).sync.rkey), String(rkey)).toBe(true)
    }
    expect(moodOf({ atproto: { rkey: '3l2aaaaaaaaaa' } }).sync.rkey).toBe('3l2aaaaaaaaaa')
    const claims = { error: 'timeout', uri: 5, cid: {}, attempts: 'many' }
    expect(moodOf({ atproto: claims }).sync).toMatchObject({
      state: 'local',
      hold: 'backfill',
      uri: null,
      cid: null,
      attempts: 0,
      error: null,
    })
    for (const atproto of [false, 0, '']) expect(oddOf({ atproto })).toEqual(['atproto', 'type', true])
    for (const atproto of ['at://x', [], [{}], WHEN, 5, true])
      expect(oddOf({ atproto })).toEqual(['atproto', 'type', false])
  })

  it('reads what the engine has written only if all of it can be read', () => {
    const pending = { state: 'pending', rkey: '3kmm22222222a', dueAt: WHEN, version: 1 }
    expect(moodOf({ atproto: pending })).toMatchObject({
      version: 1,
      sync: { state: 'pending', dueAt: WHEN.getTime() },
    })
    const odd = (fields: Values) => oddOf({ atproto: { ...pending, ...fields } })
    expect(odd({ dueAt: WHEN.toISOString() })).toEqual(['atproto.dueAt', 'type', true])
    expect(odd({ dueAt: null })).toEqual(['atproto.dueAt', 'missing', false])
    expect(odd({ state: 'lost' })).toEqual(['atproto.state', 'unknown', false])
    expect(odd({ hold: 'why' })).toEqual(['atproto.hold', 'unknown', false])
    expect(odd({ error: 'timeout' })).toEqual(['atproto.error', 'type', false])
    expect(odd({ error: { code: 'X', message: 'm' } })).toEqual(['atproto.error.at', 'missing', false])
    expect(odd({ version: 0 })).toEqual(['atproto.version', 'range', false])
    expect(odd({ ordinal: 1e300 })).toEqual(['atproto.ordinal', 'range', false])
    expect(odd({ changedAt: 'x' })).toEqual(['atproto.changedAt', 'type', false])
    expect(odd({ deletion: { by: 'nuke', records: 'keep' } })).toEqual(['atproto.deletion', 'contradiction', false])
  })
})
