/** What every store must do with budgets: the rules are those of `src/domain/budget.ts`, shared by all processes. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  answeredOddly,
  answeredWell,
  blocked,
  informed,
  LEDGER,
  type LedgerEntry,
  reachable,
  type Reservation,
  reserve,
  unreachable,
  UNUSED,
} from '../../src/domain/budget.ts'
import { type HostFacts, WEAKEST } from '../../src/domain/host-facts.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const reservation: Reservation = { limits: [{ max: 10, windowMs: 1000 }], cost: 1, share: 1, probeMs: 50 }
const facts: HostFacts = { ...WEAKEST, at: NOW, cidSwap: 'protects', getRepo: true }
const waitMs = (failures: number): number => failures * 100

const anAction = fc.oneof(
  fc.record({ kind: fc.constant('reserve' as const), cost: fc.nat({ max: 4 }) }),
  fc.record({ kind: fc.constant('block' as const), ms: fc.nat({ max: 900 }) }),
  fc.record({ kind: fc.constant('unreachable' as const), certain: fc.boolean(), lostMs: fc.nat({ max: 100 }) }),
  fc.record({ kind: fc.constant('reachable' as const) }),
  fc.record({ kind: fc.constant('odd' as const), method: fc.constantFrom('a.b.put', 'a.b.get'), said: fc.string() }),
  fc.record({ kind: fc.constant('well' as const), method: fc.constantFrom('a.b.put', 'a.b.get') }),
  fc.record({ kind: fc.constant('know' as const), what: fc.constantFrom(facts, null, { ...facts, at: NOW + 1 }) }),
)
const someActions = fc.array(fc.tuple(anAction, fc.nat({ max: 600 })), { maxLength: 12 })

type Timed = readonly [action: typeof anAction extends fc.Arbitrary<infer A> ? A : never, afterMs: number]

export function ledgerContract(given: Given): void {
  async function stored(key: string): Promise<LedgerEntry> {
    return (await given.other.ledger.get(key)) ?? UNUSED
  }

  describe('ledger', () => {
    it('an entry follows the rules of the domain, whatever comes in which order', async () => {
      const { ledger } = given.store
      let run = 0
      const check = async (actions: readonly Timed[]): Promise<void> => {
        const key = `points ${run++}`
        let now = NOW
        let entry = UNUSED
        for (const [action, ms] of actions) {
          now += ms
          switch (action.kind) {
            case 'reserve': {
              const { entry: next, ...answer } = reserve(entry, { ...reservation, cost: action.cost }, now)
              expect(await ledger.reserve(key, { ...reservation, cost: action.cost }, now)).toEqual(answer)
              entry = next
              break
            }
            case 'block':
              await ledger.block(key, now + action.ms)
              entry = blocked(entry, now + action.ms)
              break
            case 'unreachable':
              await ledger.unreachable(key, action.certain, waitMs, now, now - action.lostMs)
              entry = unreachable(entry, action.certain, waitMs(entry.failures + 1), now, now - action.lostMs)
              break
            case 'know':
              await ledger.know(key, action.what)
              entry = informed(entry, action.what)
              break
            case 'reachable':
              await ledger.reachable(key)
              entry = reachable(entry)
              break
            case 'odd':
              await ledger.noteUnwell(key, { method: action.method, said: action.said }, now, now - 1)
              entry = answeredOddly(entry, { method: action.method, said: action.said }, now, now - 1)
              break
            case 'well':
              await ledger.noteWell(key, [action.method])
              entry = answeredWell(entry, [action.method])
              break
          }
          expect(await stored(key)).toEqual(entry)
        }
        await ledger.forget(key)
      }
      await fc.assert(fc.asyncProperty(someActions, check), { numRuns: 25 })
    })

    it('reservations that come at the same time from all processes never exceed the limit', async () => {
      const answers = await Promise.all(
        Array.from({ length: 24 }, (_, i) => {
          return (i % 2 === 0 ? given.store : given.other).ledger.reserve('points a', reservation, NOW)
        }),
      )
      expect(answers.filter(({ waitUntil }) => waitUntil === null)).toHaveLength(10)
      expect(answers.filter(({ waitUntil }) => waitUntil === NOW + 1000)).toHaveLength(14)
      expect(await stored('points a')).toMatchObject({ windows: [{ used: 10, endsAt: NOW + 1000 }] })
    })

    it('of failures that come at the same time none is lost, and of blocks the longest stays', async () => {
      const from = (i: number) => (i % 2 === 0 ? given.store : given.other).ledger
      await Promise.all(Array.from({ length: 6 }, (_, i) => from(i).unreachable('host', false, () => 10, NOW)))
      expect(await stored('host')).toEqual({
        windows: [],
        failures: 6,
        blockedUntil: 0,
        silentSince: NOW,
        probeAt: NOW + 10,
      })
      await Promise.all([3, 1, 5, 2, 4].map((i) => from(i).block('points a', NOW + i)))
      expect(await stored('points a')).toEqual({ windows: [], failures: 0, blockedUntil: NOW + 5 })
    })

    it('what holds on a host is kept beside its budgets, over a restart, and while others use them', async () => {
      const key = LEDGER.requests('http://a.test')
      await Promise.all([
        given.store.ledger.reserve(key, reservation, NOW),
        given.other.ledger.know(key, facts),
        given.store.ledger.block(key, NOW + 1),
      ])
      await given.reopen()
      expect(await stored(key)).toMatchObject({ blockedUntil: NOW + 1, facts })
      await Promise.all([given.other.ledger.know(key, null), given.store.ledger.reachable(key)])
      expect(await stored(key)).not.toHaveProperty('facts')
    })

    it('an entry is read by its key alone, as every process has left it, and is null where nothing is noted', async () => {
      const { ledger } = given.store
      expect(await ledger.get('host')).toBeNull()
      await ledger.block('host', NOW + 1)
      await given.other.ledger.block('another', NOW + 2)
      expect(await given.other.ledger.get('host')).toEqual(blocked(UNUSED, NOW + 1))
      expect(await given.store.ledger.get('another')).toEqual(blocked(UNUSED, NOW + 2))
      await ledger.forget('host')
      expect(await given.other.ledger.get('host')).toBeNull()
    })

    it('an entry that is read while it changes is the one from before or the one after', async () => {
      const { ledger } = given.store
      for (let i = 1; i <= 5; i++) {
        const before = await ledger.get('host')
        const [, seen] = await Promise.all([ledger.block('host', NOW + i), given.other.ledger.get('host')])
        expect([before, blocked(before ?? UNUSED, NOW + i)]).toContainEqual(seen)
      }
    })

    it('an entry is kept over a restart, by its key, and a key that is forgotten starts from nothing', async () => {
      for (let i = 0; i < 10; i++) await given.store.ledger.reserve('points a', reservation, NOW)
      await given.reopen()
      const full = { waitUntil: NOW + 1000, failing: false }
      expect(await given.store.ledger.reserve('points a', reservation, NOW)).toMatchObject(full)
      const granted = { waitUntil: null, failing: false }
      expect(await given.store.ledger.reserve('points b', reservation, NOW)).toMatchObject(granted)
      await given.store.ledger.forget('points a')
      await expect(given.store.ledger.forget('points a')).resolves.toBeUndefined()
      expect(await given.other.ledger.reserve('points a', reservation, NOW)).toMatchObject(granted)
      expect(await stored('points b')).toMatchObject({ windows: [{ used: 1 }] })
    })

    it('hosts that have missed the last request are found, in order, until they answer; budgets are none', async () => {
      const { ledger } = given.store
      const note = (host: string) => ledger.unreachable(LEDGER.requests(host), true, waitMs, NOW)
      expect(await ledger.failing(9)).toEqual([])
      for (const host of ['http://c.test', 'http://a.test', 'http://b.test']) await note(host)
      await ledger.reserve(LEDGER.requests('http://0.test'), reservation, NOW)
      for (const key of [LEDGER.points('did:plc:a'), LEDGER.events('http://a.test'), 'requests', 'requestsx']) {
        await ledger.unreachable(key, true, waitMs, NOW)
      }
      const failing = await given.other.ledger.failing(9)
      expect(failing.map(({ host }) => host)).toEqual(['http://a.test', 'http://b.test', 'http://c.test'])
      expect(failing[0]!.requests).toEqual(await stored(LEDGER.requests('http://a.test')))
      expect((await ledger.failing(2)).map(({ host }) => host)).toEqual(['http://a.test', 'http://b.test'])
      expect((await ledger.failing(9, 'http://a.test')).map(({ host }) => host)).toEqual([
        'http://b.test',
        'http://c.test',
      ])
      expect(await given.other.ledger.failing(1, 'http://a.test/')).toMatchObject([{ host: 'http://b.test' }])
      expect(await ledger.failing(9, 'http://c.test')).toEqual([])
      // While they change, each is there as it was or as it is.
      const [seen] = await Promise.all([
        given.other.ledger.failing(9),
        ledger.reachable(LEDGER.requests('http://a.test')),
        ledger.forget(LEDGER.requests('http://b.test')),
      ])
      expect(seen.map(({ host }) => host)).toContain('http://c.test')
      expect((await given.other.ledger.failing(9)).map(({ host }) => host)).toEqual(['http://c.test'])
    })

    it('what a host says in place of answers is kept for each method, by all processes together, until that is answered well', async () => {
      const key = LEDGER.requests('http://a.test')
      const methods = ['a.b.put', 'a.b.get', 'a.b.list']
      const from = (i: number) => (i % 2 === 0 ? given.store : given.other).ledger
      await Promise.all(
        methods.map((method, i) => from(i).noteUnwell(key, { method, said: '403 text/html' }, NOW, NOW)),
      )
      await given.reopen()
      expect((await stored(key)).unwell!.map(({ method }) => method).toSorted()).toEqual(methods.toSorted())
      expect((await given.store.ledger.reserve(key, reservation, NOW)).unwell!.toSorted()).toEqual(methods.toSorted())
      await given.store.ledger.reachable(key)
      expect((await given.other.ledger.failing(9)).map(({ host }) => host)).toEqual(['http://a.test'])
      await Promise.all([from(0).noteWell(key, methods.slice(0, 1)), from(1).noteWell(key, methods.slice(1))])
      expect(await given.store.ledger.failing(9)).toEqual([])
      expect(await stored(key)).not.toHaveProperty('unwell')
      await given.store.ledger.noteWell('nobody', methods)
      expect(await given.store.ledger.get('nobody')).toBeNull()
    })

    it('an account is blocked for as long as its longest window, and no longer', async () => {
      const day = 24 * 3_600_000
      const limits = [{ max: 1, windowMs: day }]
      await given.store.ledger.block('points a', NOW + day, limits)
      await given.other.ledger.block('points a', NOW + 1000, limits)
      const of = { ...reservation, limits }
      expect(await given.store.ledger.reserve('points a', of, NOW)).toMatchObject({ waitUntil: NOW + day })
      expect(await given.store.ledger.reserve('points a', reservation, NOW)).toMatchObject({ waitUntil: null })
    })

    it('a host that failed is reported as failing, after three times as dead, until it is reached', async () => {
      await given.store.ledger.unreachable('host', false, waitMs, NOW)
      expect(await given.other.ledger.reserve('host', reservation, NOW)).toMatchObject({
        waitUntil: null,
        failing: true,
        dead: false,
      })
      for (let i = 0; i < 2; i++) await given.store.ledger.unreachable('host', false, waitMs, NOW)
      expect(await given.other.ledger.reserve('host', reservation, NOW)).toMatchObject({ failing: true, dead: true })
      await given.other.ledger.reachable('host')
      expect(await given.store.ledger.reserve('host', reservation, NOW)).toMatchObject({
        waitUntil: null,
        failing: false,
        dead: false,
      })
    })
  })
}
