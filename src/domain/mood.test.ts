import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { LIMITS } from './mood-limits.ts'
import { objectId, parseDraft, saysTheSame } from './mood.ts'

describe('parseDraft', () => {
  it('a draft is trimmed, and what it leaves out is filled in', () => {
    expect(parseDraft({ mood: '  fine \n' })).toEqual({
      text: 'fine',
      intensity: null,
      context: null,
      isPrivate: false,
    })
  })

  it.each([
    ['nothing', { mood: '' }],
    ['white space alone', { mood: ' \n\t' }],
    ['nothing that can be seen', { mood: '\u200b\u00a0\u2060' }],
    ['a control character at the end', { mood: 'a\u000b' }],
    ['281 characters', { mood: 'a'.repeat(281) }],
    ['281 characters of several code points', { mood: '👩‍👩‍👧'.repeat(281) }],
    ['2801 bytes in few characters', { mood: `${'👩‍👩‍👧‍👧'.repeat(112)}abcd` }],
    ['half a surrogate pair', { mood: 'a\ud83d' }],
    ['a NUL', { mood: 'a\u0000b' }],
    ['an escape', { mood: 'a\u001bb' }],
    ['a DEL', { mood: 'a\u007fb' }],
    ['a C1 control', { mood: 'a\u0085b' }],
    ['a carriage return', { mood: 'a\rb' }],
    ['intensity 0', { mood: 'a', intensity: 0 }],
    ['intensity 11', { mood: 'a', intensity: 11 }],
    ['intensity 1.5', { mood: 'a', intensity: 1.5 }],
    ['a context of 1001 characters', { mood: 'a', context: 'b'.repeat(1001) }],
    ['a control character in the context', { mood: 'a', context: 'b\u0007' }],
  ])('a draft is refused: %s', (_what, draft) => {
    expect(() => parseDraft(draft)).toThrow(expect.objectContaining({ code: 'invalid_mood' }))
  })

  it.each([
    ['280 characters', 'é'.repeat(280)],
    ['newline and tab', 'a\n\tb'],
    ['280 family emoji would be too many bytes, 100 are not', '👨‍👩‍👧‍👦'.repeat(100)],
  ])('a draft is accepted: %s', (_what, mood) => {
    expect(parseDraft({ mood }).text).toBe(mood)
  })

  it('a refusal never repeats what was written', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12, unit: fc.constantFrom('\u0001', 'x', 'q') }), (mood) => {
        let message = ''
        try {
          parseDraft({ mood })
        } catch (error) {
          message = String(error)
        }
        expect(message).not.toContain(mood)
      }),
    )
  })
})

describe('limits', () => {
  it('the limits are those of the lexicon', () => {
    const lexicon = JSON.parse(readFileSync('lexicons/computer/aesthetic/mood.json', 'utf8'))
    const { text, context, intensity } = lexicon.defs.main.record.properties
    expect(LIMITS).toEqual({
      textGraphemes: text.maxGraphemes,
      textBytes: text.maxLength,
      contextGraphemes: context.maxGraphemes,
      contextBytes: context.maxLength,
      intensityMin: intensity.minimum,
      intensityMax: intensity.maximum,
    })
  })
})

describe('saysTheSame', () => {
  const fine = parseDraft({ mood: 'fine' })

  it('two posts say the same by text and privacy alone', () => {
    expect(saysTheSame(fine, parseDraft({ mood: 'fine', intensity: 3, context: 'x' }))).toBe(true)
    expect(saysTheSame(fine, parseDraft({ mood: 'fine', isPrivate: true }))).toBe(false)
    expect(saysTheSame(fine, parseDraft({ mood: 'Fine' }))).toBe(false)
  })
})

describe('objectId', () => {
  it('an ObjectId has 24 hex digits whatever the time and the counter', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 45 }), fc.nat(), (ms, counter) => {
        expect(objectId(ms, '0123456789', counter)).toMatch(/^[0-9a-f]{8}0123456789[0-9a-f]{6}$/)
      }),
    )
  })

  it('ObjectIds sort by time and differ by counter', () => {
    expect(objectId(1_000, '0123456789', 0) < objectId(2_000, '0123456789', 0)).toBe(true)
    expect(objectId(1_000, '0123456789', 1)).not.toBe(objectId(1_000, '0123456789', 2))
  })
})
