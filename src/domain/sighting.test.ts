import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rkeyFor } from './record.ts'
import { behindMs, meaningOf, type RelayAnswer, sightingOf, STANDINGS, timeOfRev } from './sighting.ts'

const NOW = Date.UTC(2026, 5, 1)
const MINUTE = 60_000
/** A revision of that time. */
const rev = (at: number): string => rkeyFor(at, 'x', 0)
const OF = { user: 'u1', relay: 'https://relay.example', did: 'did:plc:x' }
const known = (more: Partial<Extract<RelayAnswer, { kind: 'known' }>>): RelayAnswer => {
  return { kind: 'known', active: true, status: null, rev: null, ...more }
}
const seen = (answer: RelayAnswer, pdsRev: string | null = null) => sightingOf({ ...OF, pdsRev }, answer, NOW)

describe('what a relay says of an account', () => {
  it.each(['throttled', 'desynchronized', 'takendown', 'suspended', 'deleted', 'deactivated'] as const)(
    'its own word "%s" is kept',
    (status) => {
      expect(seen(known({ active: false, status })).standing).toBe(status)
      // An account that it passes on is visible, whatever it is called.
      expect(seen(known({ status })).standing).toBe('visible')
    },
  )

  it.each(['visible', 'behind', 'unknown', 'host-throttled', 'x', null])(
    'not active with the word %j is inactive',
    (status) => {
      expect(seen(known({ active: false, status })).standing).toBe('inactive')
    },
  )

  it('an account that it has never heard of is unknown', () => {
    expect(seen({ kind: 'unknown' }, rev(NOW))).toMatchObject({ standing: 'unknown', rev: null, pdsRev: rev(NOW) })
  })

  it('is behind when the PDS has had a newer commit for more than a minute', () => {
    const [old, newer] = [rev(NOW - 9 * MINUTE), rev(NOW - 2 * MINUTE)]
    const behind = seen(known({ rev: old }), newer)
    expect(behind.standing).toBe('behind')
    expect(behindMs(behind)).toBe(7 * MINUTE)
    expect(meaningOf(behind).text).toBe('is visible up to a point: the relay is 7 min behind')
    for (const [relays, pds] of [
      [newer, newer],
      [newer, old],
      [old, rev(NOW - MINUTE + 1_000)],
      [null, newer],
      [old, null],
    ] as const) {
      expect(seen(known({ rev: relays }), pds).standing).toBe('visible')
    }
    expect(behindMs(seen(known({ rev: newer }), newer))).toBeNull()
  })

  it('what is not visible is asked for again within minutes, all else within hours', () => {
    expect(seen(known({})).dueAt - NOW).toBe(6 * 60 * MINUTE)
    expect(seen({ kind: 'unknown' }).dueAt - NOW).toBe(10 * MINUTE)
    expect(sightingOf({ ...OF, pdsRev: null }, { kind: 'unknown' }, NOW, true).dueAt - NOW).toBe(MINUTE)
  })

  it('all that is not visible has a meaning and something to do about it', () => {
    for (const standing of STANDINGS) {
      const { text, remedy } = meaningOf({ standing, rev: null, pdsRev: null })
      expect(text).toMatch(standing === 'visible' ? /^is visible$/ : /^is (written and )?(not visible|visible up to)/)
      expect(remedy === null).toBe(standing === 'visible')
    }
  })
})

describe('the time in a revision', () => {
  it('is that of the commit, to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Math.floor(2 ** 53 / 1000) - 1 }), (at) => {
        expect(Math.floor(timeOfRev(rev(at))!)).toBe(at)
      }),
    )
  })

  it('is none for any other text', () => {
    const others = ['', 'x', 'z'.repeat(13), rev(NOW).slice(1), `${rev(NOW)}a`, rev(NOW).replace(/.$/, '1')]
    expect(others.map(timeOfRev)).toEqual(others.map(() => null))
  })
})
