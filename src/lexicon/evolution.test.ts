/** What a change of the lexicon breaks. */

import { readFileSync } from 'node:fs'
import type { LexiconDoc } from '@atproto/lexicon'
import { describe, expect, it } from 'vitest'
import { publicationOf } from './document.ts'
import { breakingChanges, changesBetween, planOf } from './evolution.ts'

type Json = Record<string, unknown>

const OURS = JSON.parse(readFileSync('lexicons/computer/aesthetic/mood.json', 'utf8')) as LexiconDoc

/** A lexicon of one record with these fields. */
function lexicon(properties: Json, required: readonly string[] = [], more: Json = {}): LexiconDoc {
  const main = { type: 'record', key: 'tid', record: { type: 'object', required, properties } }
  return { lexicon: 1, id: 'com.example.note', defs: { main, ...more } } as LexiconDoc
}

function ours(change: (record: { required: string[]; properties: Record<string, Json> }) => void): LexiconDoc {
  const copy = structuredClone(OURS)
  change((copy.defs['main'] as unknown as { record: Parameters<typeof change>[0] }).record)
  return copy
}

/** Each difference as one line. */
function told(before: LexiconDoc, after: LexiconDoc): string[] {
  return changesBetween(before, after).map(({ path, what, breaks }) => `${path}: ${what} [${breaks ?? 'nothing'}]`)
}

describe('a change', () => {
  const string = (more: Json): LexiconDoc => lexicon({ a: { type: 'string', ...more } })

  it('of nothing but hints, order and optional fields breaks nothing', () => {
    const before = lexicon(
      { a: { type: 'string', description: 'x', knownValues: ['p', 'q'] }, b: { type: 'integer' } },
      ['a'],
    )
    const after = lexicon(
      { b: { type: 'integer' }, a: { knownValues: ['p'], description: 'y', type: 'string' }, c: { type: 'boolean' } },
      ['a'],
      { more: { type: 'token' } },
    )
    expect(told(before, after).toSorted()).toEqual([
      'a: description changed [nothing]',
      'a: knownValues changed [nothing]',
      'c: new [nothing]',
      'more: new [nothing]',
    ])
    expect(breakingChanges(before, after)).toEqual([])
    expect(told(before, structuredClone(before))).toEqual([])
  })

  it.each<[string, LexiconDoc, LexiconDoc, string[]]>([
    ['a field goes', lexicon({ a: { type: 'string' } }), lexicon({}), ['a: removed [both]']],
    [
      'a required field is renamed',
      lexicon({ mongoId: { type: 'string' } }, ['mongoId']),
      lexicon({ ref: { type: 'string' } }, ['ref']),
      ['mongoId: renamed to ref, or replaced by it (it was required) [both]', 'ref: new and required [records]'],
    ],
    [
      'what was renamed cannot be told',
      lexicon({ a: { type: 'string' }, b: { type: 'string' } }),
      lexicon({ c: { type: 'string' } }),
      ['a: removed [both]', 'b: removed [both]', 'c: new [nothing]'],
    ],
    [
      'a field becomes required',
      lexicon({ a: { type: 'string' } }),
      lexicon({ a: { type: 'string' } }, ['a']),
      ['a: newly required [records]'],
    ],
    [
      'a field is no longer required',
      lexicon({ a: { type: 'string' } }, ['a']),
      lexicon({ a: { type: 'string' } }),
      ['a: no longer required [readers]'],
    ],
    [
      'a type changes',
      lexicon({ a: { type: 'string' } }),
      lexicon({ a: { type: 'integer' } }),
      ['a: type changed from string to integer [both]'],
    ],
    ['longest', string({ maxLength: 9 }), string({ maxLength: 8 }), ['a: maxLength changed from 9 to 8 [records]']],
    ['longer', string({ maxLength: 8 }), string({ maxLength: 9 }), ['a: maxLength changed from 8 to 9 [readers]']],
    ['a new limit', string({}), string({ maxGraphemes: 8 }), ['a: maxGraphemes 8 is new [records]']],
    ['a limit less', string({ maxGraphemes: 8 }), string({}), ['a: maxGraphemes 8 is gone [readers]']],
    ['shortest', string({ minLength: 1 }), string({ minLength: 2 }), ['a: minLength changed from 1 to 2 [records]']],
    ['shorter', string({ minLength: 2 }), string({ minLength: 1 }), ['a: minLength changed from 2 to 1 [readers]']],
    ['a new least', string({}), string({ minGraphemes: 1 }), ['a: minGraphemes 1 is new [records]']],
    ['fewer', string({ enum: ['p', 'q'] }), string({ enum: ['p'] }), ['a: enum: no longer q [records]']],
    ['more', string({ enum: ['p'] }), string({ enum: ['p', 'q'] }), ['a: enum: now also q [readers]']],
    [
      'hints become rules',
      string({ knownValues: ['p'] }),
      string({ enum: ['p'] }),
      ['a: knownValues changed [nothing]', 'a: enum ["p"] is new [records]'],
    ],
    ['a format', string({}), string({ format: 'uri' }), ['a: format uri is new [records]']],
    [
      'numbers',
      lexicon({ a: { type: 'integer', minimum: 1, maximum: 10 } }),
      lexicon({ a: { type: 'integer', minimum: 2, maximum: 9 } }),
      ['a: minimum changed from 1 to 2 [records]', 'a: maximum changed from 10 to 9 [records]'],
    ],
    [
      'what is in a list',
      lexicon({ a: { type: 'array', maxLength: 3, items: { type: 'string', maxLength: 3 } } }),
      lexicon({ a: { type: 'array', maxLength: 2, items: { type: 'string', maxLength: 2 } } }),
      ['a: maxLength changed from 3 to 2 [records]', 'a[]: maxLength changed from 3 to 2 [records]'],
    ],
    [
      'what is in a definition',
      lexicon({}, [], { part: { type: 'object', nullable: ['x'], properties: { x: { type: 'blob', maxSize: 9 } } } }),
      lexicon({}, [], { part: { type: 'object', properties: { x: { type: 'blob', maxSize: 8 } } } }),
      ['part: nullable ["x"] is gone [records]', 'part.x: maxSize changed from 9 to 8 [records]'],
    ],
    ['a definition goes', lexicon({}, [], { part: { type: 'token' } }), lexicon({}), ['part: removed [both]']],
    [
      'an open union grows',
      lexicon({ a: { type: 'union', refs: ['#p'] } }),
      lexicon({ a: { type: 'union', refs: ['#p', '#q'] } }),
      ['a: refs: now also #q [nothing]'],
    ],
    [
      'a closed union grows',
      lexicon({ a: { type: 'union', closed: true, refs: ['#p'] } }),
      lexicon({ a: { type: 'union', closed: true, refs: ['#p', '#q'] } }),
      ['a: refs: now also #q [readers]'],
    ],
  ])('is told whom it breaks: %s', (_, before, after, expected) => {
    expect(told(before, after)).toEqual(expected)
  })
})

describe('the plan', () => {
  const next = publicationOf(OURS)

  it('is to create, to leave alone, to replace, or a warning', () => {
    expect(planOf(null, next).action).toBe('create')
    expect(planOf({ cid: next.cid, value: next.value }, next)).toEqual({ action: 'nothing', changes: [] })
    const older = publicationOf(ours(({ properties }) => void delete properties['context']))
    expect(planOf(older, next)).toMatchObject({ action: 'change', changes: [{ path: 'context', what: 'new' }] })
    expect(planOf(next, older)).toMatchObject({ action: 'breaking', changes: [{ path: 'context', what: 'removed' }] })
    expect(planOf({ cid: 'x', value: { $type: 'com.atproto.lexicon.schema' } }, next)).toMatchObject({
      action: 'breaking',
      changes: [{ path: 'document', breaks: 'both' }],
    })
  })

  it('does not care for the order in which a document is written', () => {
    const { defs, id, lexicon: version } = OURS
    expect(publicationOf({ id, defs, lexicon: version }).cid).toBe(next.cid)
  })
})
