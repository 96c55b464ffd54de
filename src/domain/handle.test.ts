import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs } from './backoff.ts'
import { accountHandle, parseHandle } from './handle.ts'

const handles = fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,16}[a-z0-9]$/)

describe('parseHandle', () => {
  it.each([
    ['@Alice', 'alice'],
    [' bob-2 ', 'bob-2'],
    ['a1b', 'a1b'],
    ['x'.repeat(18), 'x'.repeat(18)],
  ])('reads %s', (input, handle) => {
    expect(parseHandle(input)).toBe(handle)
  })

  it.each([
    '',
    '@',
    'ab',
    'x'.repeat(19),
    'a.b',
    'a_b',
    '-ab',
    'ab-',
    'ä-ö-ü',
    'a b c',
    '@@abc',
    'abc\u212a',
    'abc\n|',
  ])('refuses %j', (input) => {
    expect(() => parseHandle(input)).toThrow(expect.objectContaining({ code: 'invalid_handle' }))
  })
})

describe('accountHandle', () => {
  it('is possible on the PDS, for every candidate', () => {
    fc.assert(
      fc.property(handles, fc.string(), fc.nat({ max: 4 }), (handle, user, candidate) => {
        const name = accountHandle(handle, user, candidate, '.test')
        expect(name.endsWith('.test')).toBe(true)
        const label = name.slice(0, -'.test'.length)
        expect(parseHandle(label)).toBe(label)
      }),
    )
  })

  it('is another name for each candidate and each user', () => {
    const names = ['u1', 'u2'].flatMap((user) => [1, 2].map((n) => accountHandle('alice', user, n, '.test')))
    expect(new Set(names).size).toBe(4)
    expect(accountHandle('alice', 'u1', 0, '.test')).toBe('alice.test')
  })

  it('is possible for whatever an existing database calls a handle, and the same each time', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.stringMatching(/^[-_.A]*$/),
    )
    fc.assert(
      fc.property(anything, fc.string(), fc.nat({ max: 4 }), (handle, user, candidate) => {
        const label = accountHandle(handle, user, candidate, '')
        expect(parseHandle(label)).toBe(label)
        expect(accountHandle(handle, user, candidate, '')).toBe(label)
      }),
    )
  })

  it.each([
    ['Alice', 'alice'],
    ['a_b.c', 'a-b-c'],
    ['_zoë_', 'zoe'],
    ['two--hyphens', 'two--hyphens'],
    ['ab', expect.stringMatching(/^ab-[0-9a-f]{4}$/)],
    ['a'.repeat(19), expect.stringMatching(/^a{13}-[0-9a-f]{4}$/)],
    ['', expect.stringMatching(/^user-[0-9a-f]{12}$/)],
    ['日本', expect.stringMatching(/^user-[0-9a-f]{12}$/)],
  ])('is for %j %s', (handle, label) => {
    expect(accountHandle(handle, 'u1', 0, '')).toEqual(label)
  })

  it('is another one for two users whose handles come to the same, from the second choice on', () => {
    expect(accountHandle('a.b', 'u1', 0, '')).toBe(accountHandle('a_b', 'u2', 0, ''))
    expect(accountHandle('a.b', 'u1', 1, '')).not.toBe(accountHandle('a_b', 'u2', 1, ''))
    expect(accountHandle('', 'u1', 0, '')).not.toBe(accountHandle('', 'u2', 0, ''))
  })
})

describe('backoffMs', () => {
  it('grows, stays within its bounds and is never zero', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, random) => {
          const ms = backoffMs(failures, random)
          expect(ms).toBeGreaterThanOrEqual(250)
          expect(ms).toBeLessThanOrEqual(30_000)
          expect(backoffMs(failures + 1, random)).toBeGreaterThanOrEqual(ms)
        },
      ),
    )
  })
})
