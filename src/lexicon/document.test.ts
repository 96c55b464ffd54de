/** What the lexicon accepts and refuses. */

import { readFileSync } from 'node:fs'
import type { LexiconDoc } from '@atproto/lexicon'
import { describe, expect, it } from 'vitest'
import { computer } from '../lexicons/index.ts'
import { txtLineOf, validateLexicon } from './document.ts'
import { SAMPLES } from './samples.ts'

type Json = Record<string, unknown>

const OURS = JSON.parse(readFileSync('lexicons/computer/aesthetic/mood.json', 'utf8')) as LexiconDoc

function ours(change: (record: { required: string[]; properties: Record<string, Json> }) => void): LexiconDoc {
  const copy = structuredClone(OURS)
  change((copy.defs['main'] as unknown as { record: Parameters<typeof change>[0] }).record)
  return copy
}

describe('the lexicon', () => {
  it('is one, and judges every sample as it should', () => {
    const { ok, problems, samples, nsid } = validateLexicon(OURS)
    expect({ ok, problems, nsid }).toEqual({ ok: true, problems: [], nsid: 'computer.aesthetic.mood' })
    expect(samples.filter((sample) => !sample.ok)).toEqual([])
    expect(new Set(samples.map((sample) => sample.expected))).toEqual(new Set(['accepted', 'refused']))
  })

  it('is judged by the code that is made from it as by the library that strangers use', () => {
    for (const { name, record, refusedFor } of SAMPLES) {
      expect([name, computer.aesthetic.mood.$safeValidate(record).success]).toEqual([name, refusedFor === null])
    }
  })

  it.each<[string, Parameters<typeof ours>[0], string]>([
    ['longer texts', ({ properties }) => void (properties['text']!['maxGraphemes'] = 281), 'text of 281 graphemes'],
    [
      'more bytes',
      ({ properties }) => void (properties['text']!['maxLength'] = 3000),
      'text of 280 graphemes and 2802 bytes',
    ],
    ['fewer bytes', ({ properties }) => void (properties['text']!['maxLength'] = 2000), '280 graphemes and 2800 bytes'],
    ['empty texts', ({ properties }) => void delete properties['text']!['minLength'], 'empty text'],
    ['moods of no time', ({ required }) => void required.splice(required.indexOf('createdAt'), 1), 'no createdAt'],
    ['any intensity', ({ properties }) => void delete properties['intensity']!['maximum'], 'intensity 11'],
    ['less than all intensities', ({ properties }) => void (properties['intensity']!['maximum'] = 9), 'highest'],
    ['only what we do not write', ({ required }) => void required.push('context'), 'no more than what is required'],
  ])('is found out when it accepts %s', (_, change, sample) => {
    const { ok, samples } = validateLexicon(ours(change))
    expect(ok).toBe(false)
    expect(samples.filter((each) => !each.ok).map((each) => each.name)).toContainEqual(expect.stringContaining(sample))
  })

  it('is told from what is no lexicon, and from the lexicon of something else', () => {
    expect(validateLexicon({ lexicon: 1, id: 'computer.aesthetic.mood' }).problems).toEqual(['defs: Required'])
    expect(validateLexicon('mood').problems).toHaveLength(1)
    expect(validateLexicon(null).problems).toHaveLength(1)
    expect(validateLexicon(ours(({ required }) => void required.push('soul'))).problems).toEqual([
      'defs.main.record: Required field "soul" not defined',
    ])
    expect(
      validateLexicon({
        lexicon: 1,
        id: 'com.example.note',
        defs: { main: { type: 'record', key: 'tid', record: { type: 'object', required: [], properties: {} } } },
      }).problems,
    ).toEqual(['this is com.example.note, not computer.aesthetic.mood'])
  })

  it('is found by the DNS name of its group', () => {
    expect(txtLineOf('computer.aesthetic.mood', 'did:plc:a')).toBe('_lexicon.aesthetic.computer TXT "did=did:plc:a"')
    expect(txtLineOf('com.example.blog.post', 'did:web:b')).toBe('_lexicon.blog.example.com TXT "did=did:web:b"')
  })
})
