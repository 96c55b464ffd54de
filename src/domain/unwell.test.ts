import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRecent, known, type Unwell, unwellText, withNote, withoutNotes } from './unwell.ts'

const PUT = 'com.atproto.repo.putRecord'
const GET = 'com.atproto.repo.getRecord'
const HOUR = 3_600_000
const AT = Date.parse('2026-11-26T12:00:00Z')

describe('notes of a host that is not well', () => {
  it('say since when, and what was said last', () => {
    const first = withNote(undefined, { method: PUT, said: '403 text/html' }, AT)
    expect(first).toEqual([{ method: PUT, said: '403 text/html', since: AT, at: AT }])
    const later = withNote(first, { method: PUT, said: '301 to https://other.example' }, AT + 5)
    expect(later).toEqual([{ method: PUT, said: '301 to https://other.example', since: AT, at: AT + 5 }])
    expect(unwellText(later, AT + 9)).toBe(
      'does not answer as a PDS does since 2026-11-26T12:00:00Z: it answered putRecord with 301 to https://other.example',
    )
    const both = withNote(later, { method: GET, said: '204 without a content type' }, AT + HOUR)
    expect(unwellText(both, AT + HOUR)).toMatch(
      /12:00:00Z: it answered getRecord with 204 .*, and 1 more method no better$/,
    )
  })

  it('stay the same value while the same is said again and again', () => {
    const notes = withNote([], { method: PUT, said: 'x' }, AT)
    expect(withNote(notes, { method: PUT, said: 'x' }, AT + 9_999)).toBe(notes)
    expect(withNote(notes, { method: PUT, said: 'x' }, AT + 10_000)).toEqual([
      { method: PUT, said: 'x', since: AT, at: AT + 10_000 },
    ])
  })

  it('end for each method by itself, and where nobody has asked for a day', () => {
    const notes = withNote(withNote([], { method: PUT, said: 'x' }, AT), { method: GET, said: 'y' }, AT + 1)
    expect(withoutNotes(notes, [PUT]).map(({ method }) => method)).toEqual([GET])
    expect(withoutNotes(undefined, [PUT])).toEqual([])
    expect(known(notes, AT + 24 * HOUR).map(({ method }) => method)).toEqual([GET])
    expect(unwellText(notes, AT + 25 * HOUR)).toBeNull()
    expect([isRecent(notes[0]!, AT + 59_999), isRecent(notes[0]!, AT + 60_000)]).toEqual([true, false])
  })

  it('of a clock that was ahead are none', () => {
    const notes = withNote([], { method: PUT, said: 'x' }, AT + 400 * 24 * HOUR)
    expect(known(notes, AT)).toEqual([])
    expect(withNote(notes, { method: PUT, said: 'x' }, AT)).toEqual([{ method: PUT, said: 'x', since: AT, at: AT }])
  })

  it('are few, and never later than they were made, whatever is said of however many methods', () => {
    const said = fc.record({
      method: fc.stringMatching(/^[a-z.]{1,9}$/),
      said: fc.string(),
      ms: fc.integer({ min: -HOUR, max: 30 * HOUR }),
    })
    fc.assert(
      fc.property(fc.array(said), (all) => {
        let now = AT
        let notes: readonly Unwell[] = []
        for (const { ms, ...answer } of all) {
          now += ms
          notes = withNote(notes, answer, now)
          expect(notes.length).toBeLessThanOrEqual(8)
          expect(new Set(notes.map(({ method }) => method)).size).toBe(notes.length)
          const noted = notes.find(({ method }) => method === answer.method)!
          expect(noted.said).toBe(answer.said)
          expect(noted.since).toBeLessThanOrEqual(noted.at)
          expect(known(notes, now)).toContain(noted)
        }
      }),
    )
  })
})
