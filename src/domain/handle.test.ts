import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accountHandle, parseHandle } from './handle.ts'

const handles = fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,16}[a-z0-9]$/)

describe('parseHandle', () => {
  it.each([
    ['@Alice', 'alice'],
    [' bob-2 ', 'bob-2'],
    ['a1b', 'a1b'],
    ['x'.repeat(18), 'x'.repeat(18)],
  ])('a handle is read from %s', (input, handle) => {
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
  ])('%j is no handle', (input) => {
    expect(() => parseHandle(input)).toThrow(expect.objectContaining({ code: 'invalid_handle' }))
  })
})

describe('accountHandle', () => {
  it('every candidate for an account’s handle is possible on the PDS', () => {
    fc.assert(
      fc.property(handles, fc.string(), fc.nat({ max: 4 }), (handle, user, candidate) => {
        const name = accountHandle(handle, user, candidate, '.test')
        expect(name.endsWith('.test')).toBe(true)
        const label = name.slice(0, -'.test'.length)
        expect(parseHandle(label)).toBe(label)
      }),
    )
  })

  it('candidates differ from each other and between users', () => {
    const names = ['u1', 'u2'].flatMap((user) => [1, 2].map((n) => accountHandle('alice', user, n, '.test')))
    expect(new Set(names).size).toBe(4)
    expect(accountHandle('alice', 'u1', 0, '.test')).toBe('alice.test')
  })

  it('any handle of an existing database gives a possible one, the same each time', () => {
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
  ])('the handle %j becomes %s', (handle, label) => {
    expect(accountHandle(handle, 'u1', 0, '')).toEqual(label)
  })

  it('users whose handles become the same differ from the second choice on', () => {
    expect(accountHandle('a.b', 'u1', 0, '')).toBe(accountHandle('a_b', 'u2', 0, ''))
    expect(accountHandle('a.b', 'u1', 1, '')).not.toBe(accountHandle('a_b', 'u2', 1, ''))
    expect(accountHandle('', 'u1', 0, '')).not.toBe(accountHandle('', 'u2', 0, ''))
  })
})
