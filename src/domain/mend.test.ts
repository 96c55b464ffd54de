import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mended } from './mend.ts'
import { Foreign, type Odd, type Values, isOdd } from './odd.ts'
import { readMood } from './read-mood.ts'

const WHEN = new Date('2024-03-01T12:00:00Z')
const GOOD: Values = { user: 'u1', mood: 'fine', when: WHEN }
const id = { text: '65e1c3b8a3b4852ff8b00e1f', isOdd: false }

function oddIn(values: Values): Odd | null {
  const reading = readMood({ id, values })
  return isOdd(reading) ? reading : null
}
const mendingOf = (values: Values) => mended({ ...GOOD, ...values }, oddIn)?.changes ?? null

describe('what mends a document', () => {
  it('is the value that was meant, with its type', () => {
    for (const when of [
      '2024-03-01T13:00:00+01:00',
      '2024-03-01T12:00:00Z',
      1709294400000,
      { $date: WHEN.toISOString() },
    ])
      expect(mendingOf({ when })).toEqual([{ field: 'when', value: WHEN }])
    for (const isPrivate of ['true', 1, new Foreign('1')])
      expect(mendingOf({ isPrivate })).toEqual([{ field: 'isPrivate', value: true }])
    for (const deleted of ['false', 0, -0, new Foreign('0')])
      expect(mendingOf({ deleted })).toEqual([{ field: 'deleted', value: false }])
    expect(mendingOf({ intensity: new Foreign('7') })).toEqual([{ field: 'intensity', value: 7 }])
    for (const atproto of [false, 0, '']) expect(mendingOf({ atproto })).toEqual([{ field: 'atproto', value: null }])
    const atproto = { state: 'pending', rkey: '3kmm22222222a', dueAt: WHEN.toISOString(), version: 1 }
    expect(mendingOf({ atproto })).toEqual([{ field: 'atproto.dueAt', value: WHEN }])
    const first = { at: WHEN.toISOString(), direct: 'true' }
    expect(mendingOf({ atproto: { ...atproto, dueAt: WHEN, firstPublished: first } })).toEqual([
      { field: 'atproto.firstPublished.at', value: WHEN },
      { field: 'atproto.firstPublished.direct', value: true },
    ])
  })

  it('is everything or nothing, where several fields are at fault', () => {
    expect(mendingOf({ isPrivate: 'true', when: WHEN.toISOString(), atproto: '' })).toEqual([
      { field: 'isPrivate', value: true },
      { field: 'when', value: WHEN },
      { field: 'atproto', value: null },
    ])
    expect(mendingOf({ isPrivate: 'true', when: 'yesterday' })).toBeNull()
    expect(mendingOf({ isPrivate: 'true', mood: 42 })).toBeNull()
    expect(mendingOf({})).toBeNull()
  })

  it('is nothing for what only looks like a flag, and comes to an end with a reader that is never content', () => {
    for (const isPrivate of ['constructor', 'toString', '__proto__', 'hasOwnProperty', '2', 'TRUE'])
      expect(oddIn({ ...GOOD, isPrivate }), isPrivate).toMatchObject({ field: 'isPrivate', mendable: false })
    const meant = { value: true }
    const odd = { id: '1', user: null, kind: 'type', mendable: true, meant } as const
    let asked = 0
    expect(mended({}, () => ({ ...odd, field: 'again' }))).toBeNull()
    expect(mended({}, () => ({ ...odd, field: `f${asked++}` }))).toBeNull()
    expect(mended({ a: 5 }, () => ({ ...odd, field: 'a.b' }))).toBeNull()
  })

  it('leaves a document that can be read, changes only fields at fault, and never makes a private mood public by a guess', () => {
    const VALUE = fc.oneof(
      fc.constantFrom('true', 'false', '0', 0, 1, 2, true, false, null, undefined, 1709294400000, 1709294400, 'x'),
      fc.constantFrom(WHEN, new Date(NaN), WHEN.toISOString(), '2024-03-01', new Foreign('1'), new Foreign('x'), [
        false,
      ]),
    )
    const names = ['when', 'isPrivate', 'deleted', 'intensity', 'context', 'atproto', 'user']
    fc.assert(
      fc.property(fc.record(Object.fromEntries(names.map((name) => [name, VALUE])), { requiredKeys: [] }), (fields) => {
        const values = { ...GOOD, ...fields }
        const changes = mended(values, oddIn)?.changes ?? null
        if (changes === null) return
        expect(oddIn(values)).not.toBeNull()
        const after = { ...values, ...Object.fromEntries(changes.map(({ field, value }) => [field, value])) }
        const reading = readMood({ id, values: after })
        if (isOdd(reading)) throw new Error(`still odd: ${reading.field}`)
        const saysPublic = [undefined, null, false, 'false', '0', 0].includes(values.isPrivate as never)
        expect(reading.mood.isPrivate).toBe(
          !saysPublic && !(values.isPrivate instanceof Foreign && values.isPrivate.number === '0'),
        )
      }),
      { numRuns: 2_000 },
    )
  })
})
