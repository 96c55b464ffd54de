import { cidForLex } from '@atproto/lex-cbor'
import type { LexMap } from '@atproto/lex-data'
import { Lexicons } from '@atproto/lexicon'
import { isValidTid } from '@atproto/syntax'
import { TID } from '@atproto/common-web'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { aMood, aReadyAccount, NOW } from '../../test/support/moods.ts'
import { spellingsOf, UNCLEAR } from '../../test/support/spellings.ts'
import { newAccount, refused } from './account.ts'
import { FEDERATE_ALL } from './policy.ts'
import {
  cidOf,
  COLLECTION,
  desiredRecord,
  isLegacyForm,
  isLegacyRecordOf,
  isReadable,
  moodIdIn,
  ownersAmong,
  rkeyFor,
  rkeyIn,
  uriOf,
} from './record.ts'

const ids = fc.stringMatching(/^[0-9a-f]{24}$/)
const times = fc.nat({ max: 4_000_000_000_000 })

describe('rkeyFor', () => {
  it('a record key is a valid TID that carries the time, for any time since 1970', () => {
    fc.assert(
      fc.property(times, ids, fc.nat({ max: 20 }), (when, id, salt) => {
        const rkey = rkeyFor(when, id, salt)
        expect(isValidTid(rkey)).toBe(true)
        expect(Math.floor(TID.fromStr(rkey).timestamp() / 1000)).toBe(when)
      }),
    )
  })

  it('a record key follows from the mood alone', () => {
    fc.assert(
      fc.property(times, ids, (when, id) => {
        expect(rkeyFor(when, id, 0)).toBe(rkeyFor(when, id, 0))
      }),
    )
  })

  it('a record key differs with each salt', () => {
    fc.assert(
      fc.property(times, ids, (when, id) => {
        const keys = Array.from({ length: 8 }, (_, salt) => rkeyFor(when, id, salt))
        expect(new Set(keys).size).toBe(8)
      }),
      // A chance of 28 in a million a case: a fixed seed keeps this from failing once in a hundred thousand runs.
      { seed: 7 },
    )
  })

  it('a record key of a time before September 2005 is padded, where @atproto/common-web refuses it', () => {
    expect(isValidTid(rkeyFor(Date.UTC(2001, 1, 1), '0'.repeat(24), 0))).toBe(true)
    expect(rkeyFor(0, '0'.repeat(24), 0)).toHaveLength(13)
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('there is no record key for the time %d', (when) => {
    expect(() => rkeyFor(when, '0'.repeat(24), 0)).toThrow(RangeError)
  })
})

describe('desiredRecord', () => {
  it('a mood’s record has the form of the lexicon, with the mood’s own id and time', () => {
    const mood = aMood({ text: 'fine', intensity: 4, context: 'tea', when: NOW })
    const desired = desiredRecord(mood, aReadyAccount(), FEDERATE_ALL)
    expect(desired).toMatchObject({
      kind: 'record',
      rkey: mood.sync.rkey,
      value: {
        $type: COLLECTION,
        text: 'fine',
        createdAt: '2026-01-02T03:04:05.000Z',
        intensity: 4,
        context: 'tea',
        mongoId: mood.id,
      },
    })
  })

  it('a record has no field for what its mood does not have', () => {
    const desired = desiredRecord(aMood(), aReadyAccount(), FEDERATE_ALL)
    expect(desired.kind === 'record' && Object.keys(desired.value).toSorted()).toEqual([
      '$type',
      'createdAt',
      'mongoId',
      'text',
    ])
  })

  it('private and withdrawn moods have no record, with or without an account', () => {
    for (const account of [null, aReadyAccount()]) {
      expect(desiredRecord(aMood({ isPrivate: true }), account, FEDERATE_ALL)).toEqual({ kind: 'absent' })
      expect(desiredRecord(aMood({ deleted: { by: 'author', records: 'withdraw' } }), account, FEDERATE_ALL)).toEqual({
        kind: 'absent',
      })
    }
  })

  it('a mood is on hold while there is no account to write to', () => {
    const error = { code: 'X', message: 'x', at: NOW }
    for (const account of [null, newAccount('u1', 'alice'), refused(newAccount('u1', 'alice'), error)]) {
      expect(desiredRecord(aMood(), account, FEDERATE_ALL)).toEqual({ kind: 'hold', reason: 'no_account' })
    }
  })

  it('a text that no record may hold is invalid, and not repeated in the message', () => {
    const desired = desiredRecord(aMood({ text: 'secret '.repeat(100) }), aReadyAccount(), FEDERATE_ALL)
    expect(desired).toMatchObject({ kind: 'invalid', code: 'InvalidRecord' })
    expect(JSON.stringify(desired)).not.toContain('secret')
    expect(JSON.stringify(desired)).toContain('text')
  })
})

describe('cidOf', () => {
  it('a CID does not depend on the order of fields', () => {
    expect(cidOf({ a: 1, b: 'x' })).toBe(cidOf({ b: 'x', a: 1 }))
  })

  it("a CID is the one that ATProto's own library computes", async () => {
    const field = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null))
    const value = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(field, fc.array(field)), {
      noNullPrototype: true,
    })
    await fc.assert(
      fc.asyncProperty(value, async (lex: LexMap) => {
        expect(cidOf(lex)).toBe((await cidForLex(lex)).toString())
      }),
    )
  })

  it('the CID of an empty map is the one in the specification', () => {
    expect(cidOf({})).toBe('bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua')
  })
})

describe('which mood a record belongs to', () => {
  it.each<[string, unknown, string | null]>([
    ['today’s form by mongoId', { text: 'x', mongoId: 'a' }, 'a'],
    ['the legacy form by ref', { mood: 'x', when: 'y', ref: 'b' }, 'b'],
    ['both ids by mongoId', { mongoId: 'a', ref: 'b' }, 'a'],
    ['a null mongoId by ref', { mongoId: null, ref: 'b' }, 'b'],
    ['a mongoId that is no string as none', { mongoId: 5, ref: 'b' }, null],
    ['a ref that is no string as none', { ref: { $link: 'b' } }, null],
    ['a record without an id as none', { text: 'x' }, null],
    ['a list as none', Object.assign(['x'], { mongoId: 'a', ref: 'b' }), null],
    ['a string as none', 'mongoId', null],
    ['an id of other words exactly', { ref: 'A-name of its own' }, 'A-name of its own'],
    ['null as none', null, null],
    ['what could not be read as none', undefined, null],
  ])('the mood of a record is read from %s', (_what, value, id) => {
    expect(moodIdIn(value)).toBe(id)
  })

  it('the mood of a record is an id or null for any value, and reading it never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(moodIdIn(value) === null || typeof moodIdIn(value) === 'string').toBe(true)
        expect(isReadable(value) || !isLegacyForm(value)).toBe(true)
      }),
    )
  })
})

describe('who a record belongs to', () => {
  const mood = aMood({ text: 'fine', when: Date.parse('2020-01-02T03:04:05.678Z') })
  const legacy = { mood: 'fine', when: '2020-01-02T03:04:05.678Z' }
  const own = (by: 'reference' | 'content') => ({ kind: 'mood', id: mood.id, by })

  it('a record that names a mood is that mood’s, however the id is spelled', () => {
    fc.assert(
      fc.property(spellingsOf(mood.id), fc.constantFrom('ref', 'mongoId'), (spelled, field) => {
        const record = { mood: 'fine', when: 'whenever', [field]: spelled }
        expect(ownersAmong([aMood(), mood, aMood()])(record)).toEqual(own('reference'))
        expect(isLegacyRecordOf(mood, record)).toBe(true)
        expect(moodIdIn(record)).toBe(mood.id)
        expect(ownersAmong([aMood(), aMood()])(record)).toEqual({ kind: 'gone' })
      }),
    )
  })

  it.each(UNCLEAR)('a record is nobody’s whose reference is %j, also where its text and time are a mood’s', (ref) => {
    expect(moodIdIn({ ...legacy, ref })).toBeNull()
    expect(ownersAmong([mood])({ ...legacy, ref })).toEqual({ kind: 'unknown' })
  })

  it('an id that stands there exactly comes before the same digits in another spelling', () => {
    const upper = { ...mood, id: mood.id.toUpperCase(), text: 'another' }
    const ownerOf = ownersAmong([mood, upper])
    expect(ownerOf({ ref: upper.id })).toMatchObject({ id: upper.id })
    expect(ownerOf({ ref: mood.id })).toMatchObject({ id: mood.id })
    expect(ownersAmong([upper])({ ref: `ObjectId("${mood.id}")` })).toMatchObject({ id: upper.id })
    const mixed = { ...mood, id: `${mood.id.slice(0, 12)}${mood.id.slice(12).toUpperCase()}` }
    expect(ownersAmong([mixed, upper])({ ref: { $oid: mood.id } })).toEqual({ kind: 'unknown' })
  })

  it('a legacy record without a reference is that of the one mood with its text and its time', () => {
    const ownerOf = ownersAmong([aMood({ text: 'fine' }), mood])
    expect(ownerOf(legacy)).toEqual(own('content'))
    expect(ownerOf({ ...legacy, when: '2020-01-02T04:04:05.678+01:00' })).toEqual(own('content'))
    expect(ownerOf({ ...legacy, ref: null })).toEqual(own('content'))
    expect(isLegacyRecordOf(mood, legacy)).toBe(true)
    const others = [
      { ...legacy, mood: 'Fine' },
      { ...legacy, when: '2020-01-02T03:04:05.679Z' },
      { ...legacy, when: '2020-01-02T03:04:05.678' },
      { ...legacy, when: '2020-01-02T03:04:05.6781Z' },
      { ...legacy, when: mood.when },
      { mood: 'fine' },
      { text: 'fine', createdAt: legacy.when },
    ]
    for (const other of others) {
      expect(ownerOf(other), JSON.stringify(other)).toEqual({ kind: 'unknown' })
      expect(isLegacyRecordOf(mood, other)).toBe(false)
    }
    expect(ownersAmong([mood, { ...mood, id: 'b'.repeat(24) }])(legacy)).toEqual({ kind: 'unknown' })
  })

  it('anything at all has an owner or none, and asking never throws', () => {
    const ownerOf = ownersAmong([mood])
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (a, b) => {
        for (const value of [a, { ref: a, mood: 'fine', when: b }, { mongoId: { $oid: a } }]) {
          expect(['gone', 'unknown']).toContain(ownerOf(value).kind)
        }
      }),
    )
  })
})

describe('the record key in a URI', () => {
  it('the record key is read from the URI of a mood’s record alone', () => {
    expect(rkeyIn(uriOf('did:plc:abc', '3kmm22222222a'))).toBe('3kmm22222222a')
    expect(rkeyIn('at://alice.test/computer.aesthetic.mood/self')).toBe('self')
    const others = [
      null,
      5,
      '',
      'at://did:plc:abc/app.bsky.feed.post/3k',
      'at://did:plc:abc/computer.aesthetic.mood',
      'at://did:plc:abc/computer.aesthetic.mood/',
      'at://did:plc:abc/computer.aesthetic.mood/..',
      'at://did:plc:abc/computer.aesthetic.mood/a/b',
      'at://did:plc:abc/computer.aesthetic.mood/a b',
      `at://did:plc:abc/computer.aesthetic.mood/${'a'.repeat(513)}`,
      'https://example.com/computer.aesthetic.mood/3k',
    ]
    for (const uri of others) expect(rkeyIn(uri), String(uri)).toBeNull()
  })
})

describe('the legacy form of a record', () => {
  const mood = aMood({ text: 'fine' })
  const legacy = { mood: 'fine', when: '2020-01-02T03:04:05.000Z', ref: mood.id }

  it('the legacy form is told from today’s by the text field', () => {
    expect(isLegacyForm(legacy)).toBe(true)
    expect(isLegacyForm({ ...legacy, text: 'fine' })).toBe(false)
    expect(isLegacyForm({ ...legacy, mood: 5 })).toBe(false)
    expect(isLegacyForm(Object.assign(['x'], legacy))).toBe(false)
    expect(isLegacyForm(null)).toBe(false)
  })

  it('a legacy record belongs to a mood with the same id and the same text', () => {
    expect(isLegacyRecordOf(mood, legacy)).toBe(true)
    expect(isLegacyRecordOf(mood, { ...legacy, mood: 'Fine' })).toBe(false)
    expect(isLegacyRecordOf(mood, { ...legacy, ref: 'another' })).toBe(false)
    expect(isLegacyRecordOf(mood, { text: 'fine', mongoId: mood.id })).toBe(false)
  })

  it.each<[boolean, string, unknown]>([
    [true, 'today’s form', { text: '' }],
    [true, 'the legacy form', { mood: '' }],
    [false, 'a text that is none', { text: 5, mood: 'fine' }],
    [false, 'no text', { mongoId: 'a' }],
    [false, 'a list', Object.assign(['x'], { text: 'fine' })],
    [false, 'nothing', undefined],
  ])('a record is readable (%s) with %s', (expected, _what, value) => {
    expect(isReadable(value)).toBe(expected)
  })
})

describe('the lexicon, by @atproto/lexicon', () => {
  const lexicons = new Lexicons([JSON.parse(readFileSync('lexicons/computer/aesthetic/mood.json', 'utf8'))])
  const good = { $type: COLLECTION, text: 'fine', createdAt: '2026-01-02T03:04:05.000Z', mongoId: '0'.repeat(24) }

  it.each([
    ['the least', good],
    ['everything', { ...good, intensity: 10, context: 'tea', isPrivate: false }],
    ['280 emoji', { ...good, text: '😀'.repeat(280) }],
    ['fields it does not know', { ...good, ref: 'x' }],
  ])('the lexicon accepts %s', (_what, record) => {
    expect(() => lexicons.assertValidRecord(COLLECTION, record)).not.toThrow()
  })

  it.each([
    ['no text', { ...good, text: undefined }],
    ['an empty text', { ...good, text: '' }],
    ['281 characters', { ...good, text: 'a'.repeat(281) }],
    ['2801 bytes', { ...good, text: '👩‍👩‍👧‍👧'.repeat(113) }],
    ['a date that is none', { ...good, createdAt: 'yesterday' }],
    ['intensity 11', { ...good, intensity: 11 }],
    ['intensity 0', { ...good, intensity: 0 }],
    ['a text for an intensity', { ...good, intensity: '5' }],
    ['1001 characters of context', { ...good, context: 'a'.repeat(1001) }],
    ['a text for isPrivate', { ...good, isPrivate: 'no' }],
    ['no mongoId', { ...good, mongoId: undefined }],
    ['the fields of the old lexicon', { $type: COLLECTION, mood: 'fine', when: good.createdAt, ref: 'x' }],
  ])('the lexicon refuses %s', (_what, record) => {
    expect(() => lexicons.assertValidRecord(COLLECTION, record)).toThrow()
  })

  it('the lexicon agrees with desiredRecord on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 }), (text) => {
        const desired = desiredRecord(aMood({ text }), aReadyAccount(), FEDERATE_ALL)
        const check = lexicons.validate(COLLECTION, { ...good, text })
        expect(desired.kind === 'record').toBe(check.success)
      }),
    )
  })
})
