import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandsIn, wrongWith } from '../../test/support/commands.ts'
import { NOW } from '../../test/support/moods.ts'
import { aWorker } from '../../test/contract/workers.ts'
import { answeredOddly, unreachable, UNUSED } from './budget.ts'
import { finished, newErasure } from './erasure.ts'
import { healthOf, type HealthFacts } from './health.ts'
import { pdsUnwell } from './host-notices.ts'
import type { Odd } from './odd.ts'
import type { ProvingNote } from './proving.ts'
import { type Notice, NOTICE_LEVELS, type NoticeCode, sameNotice } from './notice.ts'
import { FEDERATE_ALL, FEDERATE_NONE, type StoredPolicy } from './policy.ts'
import { holdReason, NO_WORKER } from './reasons.ts'
import { isAlive } from './worker.ts'

const MINUTE = 60_000
const everybody: StoredPolicy = { policy: FEDERATE_ALL, by: 'ada on host-9', at: NOW - 9_000, reason: null, version: 4 }
const silent = { host: 'http://pds.test', requests: unreachable(UNUSED, true, 20_000, NOW - 5 * MINUTE) }
const inTurn = { code: 'in_turn', text: 'it waits for its turn', remedy: 'A worker takes it up.' } as const
const erasure = finished(newErasure('receipt', 'u1', 'tombstone', NOW - 2 * 60 * MINUTE), 'texts_removed', true, NOW)

const CHECK = { at: NOW, documents: 5, odd: 0, mendable: 0, groups: [] }
const PROVING: ProvingNote = {
  at: NOW,
  everyMs: 24 * 60 * MINUTE,
  changedSince: NOW,
  accounts: 3,
  proven: 3,
  oldest: NOW - MINUTE,
  findings: 0,
  unprovable: {},
  unproven: 0,
}
const oddErasure: Odd = { id: 'r1', user: 'u1', field: 'version', kind: 'type', mendable: false, meant: null }

const HIDING = {
  relay: 'https://relay.example',
  silentSince: null,
  standings: { visible: 90, behind: 4, deactivated: 1, throttled: 3, unknown: 2 },
}

/** All is well. */
const facts: HealthFacts = {
  policy: everybody,
  workers: [aWorker('w', { at: NOW, since: NOW - MINUTE, policyVersion: 4 })],
  failing: [],
  oldest: null,
  erasures: null,
  check: null,
  proving: null,
  oddErasures: [],
  relays: [],
  now: NOW,
}

function only(code: NoticeCode, given: Partial<HealthFacts>): Notice {
  const notices = healthOf({ ...facts, ...given })
  expect(notices.map((notice) => notice.code)).toEqual([code])
  return notices[0]!
}

describe('healthOf', () => {
  it('tells nothing where all is well', () => {
    expect(healthOf(facts)).toEqual([])
  })

  it('tells when the last worker was heard of, after ten seconds, and that it is worse when something waits', () => {
    const at = (ms: number) => ({
      workers: [aWorker('v', { at: 0 }), aWorker('w', { at: NOW - ms, policyVersion: 4 })],
    })
    expect(healthOf({ ...facts, ...at(10_000) })).toEqual([])
    const notice = only('no_worker', at(10_001))
    expect(notice).toMatchObject({ level: 'warning', since: NOW - 10_001 })
    expect(notice.text).toBe('no worker is alive, so nothing is published: the last one was heard of 10 s ago')
    expect(notice.detail).toContain('"moods worker" on host-1 (process 7)')
    expect(only('no_worker', { workers: [] })).toMatchObject({ level: 'warning', since: null, detail: null })
    expect(only('no_worker', { workers: [] }).text).toMatch(/: none is known to have run$/)
    const ended = only('no_worker', { workers: [aWorker('w', { at: NOW - 1, ended: true })] })
    expect(ended).toMatchObject({ level: 'warning', since: NOW - 1 })
    expect(ended.text).toContain('the last one ended in peace at ')
    const oldest = { id: 'm1', dueAt: NOW - 1, why: NO_WORKER, older: null }
    expect(only('no_worker', { workers: [], oldest }).level).toBe('problem')
    const codes = healthOf({ ...facts, workers: [], erasures: { open: 1, oldest: erasure, why: null } })
    expect(codes[0]).toMatchObject({ code: 'no_worker', level: 'problem' })
  })

  it('tells of a worker whose engine has not got further for five minutes, unless it is too old to say', () => {
    const worker = (progressedAt: number | null, since = NOW - 60 * MINUTE) => {
      return { workers: [aWorker('w', { at: NOW, since, policyVersion: 4, progressedAt })] }
    }
    expect(healthOf({ ...facts, ...worker(NOW - 5 * MINUTE) })).toEqual([])
    expect(only('worker_stuck', worker(NOW - 5 * MINUTE - 1))).toMatchObject({ since: NOW - 5 * MINUTE - 1 })
    expect(only('worker_stuck', worker(null))).toMatchObject({ level: 'problem', since: NOW - 60 * MINUTE })
    expect(healthOf({ ...facts, ...worker(null, NOW - MINUTE) })).toEqual([])
    expect(healthOf({ ...facts, workers: [aWorker('w', { at: NOW, since: 0, policyVersion: 4 })] })).toEqual([])
  })

  it('tells of a worker that follows another policy than the stored one, once it has had five seconds', () => {
    const stored = { ...everybody, at: NOW - 6_000, version: 5 }
    const behind = (at: number, since = 0) => ({
      policy: stored,
      workers: [aWorker('v', { at: NOW, since: 0, policyVersion: 5 }), aWorker('w', { at, since, policyVersion: 4 })],
    })
    expect(healthOf({ ...facts, ...behind(NOW - 1_000) })).toEqual([])
    const notice = only('worker_behind', behind(NOW - 999))
    expect(notice).toMatchObject({ level: 'problem', since: stored.at })
    expect(notice.text).toContain('1 of 2 workers')
    expect(healthOf({ ...facts, ...behind(NOW, NOW - 5_000) })).toEqual([])
    expect(
      only('worker_behind', { workers: [aWorker('w', { at: NOW, since: 0, policyVersion: null })] }).code,
    ).toBeTruthy()
  })

  it('tells of a PDS that is taken for dead: since when, and when it is probed again', () => {
    const notice = only('pds_silent', { failing: [silent], now: NOW - 5 * MINUTE + 1_000 })
    expect(notice).toMatchObject({ level: 'problem', since: NOW - 5 * MINUTE, detail: 'http://pds.test' })
    const probeAt = new Date(NOW - 5 * MINUTE + 20_000).toISOString().replace('.000', '')
    expect(notice.text).toContain(`probed again at ${probeAt}`)
    expect(only('pds_silent', { failing: [silent] }).text).toContain('the next request, or a worker, probes it again')
    expect(healthOf({ ...facts, failing: [{ ...silent, requests: unreachable(UNUSED, false, 1, NOW) }] })).toEqual([])
  })

  it('tells of several PDSes in one notice, which names the first of them; another one is news', () => {
    const others = Array.from({ length: 4 }, (_, i) => {
      return { host: `http://${i}.test`, requests: unreachable(UNUSED, true, 1, NOW - i * MINUTE) }
    })
    const notice = only('pds_silent', { failing: [...others, silent] })
    expect(notice).toMatchObject({ level: 'problem', since: NOW - 5 * MINUTE })
    expect(notice.text).toMatch(/^5 PDSes do not answer, the first since \S+; workers probe them again$/)
    expect(notice.detail).toMatch(
      /^http:\/\/pds.test since \S+, http:\/\/3.test since \S+, http:\/\/2.test since \S+, 2 more$/,
    )
    const one = only('pds_silent', { failing: [silent] })
    expect(sameNotice(notice, one)).toBe(false)
    expect(sameNotice(one, one)).toBe(true)
  })

  it('tells of a PDS that does not answer as one: since when, and with what; in public without the words of whoever answered', () => {
    const said = { method: 'com.atproto.repo.putRecord', said: '301 to https://other.example' }
    const requests = answeredOddly(UNUSED, said, NOW - MINUTE, NOW - MINUTE)
    const host = { host: 'http://pds.test', requests: answeredOddly(requests, said, NOW - 1_000, NOW) }
    const notice = only('pds_unwell', { failing: [host] })
    expect(notice).toMatchObject({
      level: 'problem',
      since: NOW - MINUTE,
      detail: 'http://pds.test answered putRecord with 301 to https://other.example',
    })
    expect(notice.text).toMatch(/^the PDS does not answer as a PDS does, since \S+Z$/)
    expect(pdsUnwell([host], NOW + 2 * MINUTE)).toMatchObject({ level: 'warning' })
    expect(sameNotice(notice, { ...notice, since: NOW })).toBe(true)
    expect(pdsUnwell([host], NOW + 25 * 60 * MINUTE)).toBeNull()
    const dead = { ...host, requests: unreachable(host.requests, true, 1, NOW) }
    expect(only('pds_silent', { failing: [dead] }).detail).toBe(
      'http://pds.test (it answered putRecord with 301 to https://other.example)',
    )
    const many = Array.from({ length: 5 }, (_, i) => ({ ...host, host: `http://${i}.test` }))
    expect(only('pds_unwell', { failing: many })).toMatchObject({
      text: expect.stringMatching(/^5 PDSes do not answer as PDSes do, the first since \S+Z$/),
      detail: expect.stringMatching(/; 2 more$/),
    })
    const why = {
      code: 'pds_unwell',
      text: 'the PDS …: it answered putRecord with 301 to https://other.example',
      remedy: 'x',
    } as const
    const oldest = { id: 'm1', dueAt: NOW - 5 * MINUTE, why, older: null }
    expect(only('moods_waiting', { oldest }).text).not.toContain('other.example')
  })

  it('tells that federation is off, or on for some only, since when, by whom and why', () => {
    const off = only('federation_off', {
      policy: { ...everybody, policy: FEDERATE_NONE, reason: 'a drill' },
    })
    expect(off).toMatchObject({ level: 'warning', since: NOW - 9_000, detail: 'set by ada on host-9: a drill' })
    const some = { ...everybody, policy: { mode: 'allow', percent: 0, allow: ['alice'] } } as const
    const limited = only('federation_limited', { policy: some })
    expect(limited).toMatchObject({ level: 'info', detail: 'on for @alice only; set by ada on host-9' })
    expect(limited.text).not.toContain('alice')
    expect(only('federation_off', { policy: null })).toMatchObject({ since: null, detail: null })
  })

  it('tells how long the oldest pending mood has waited, from a minute on, and why', () => {
    const oldest = { id: 'm1', dueAt: NOW - 12 * MINUTE, why: inTurn, older: null }
    const notice = only('moods_waiting', { oldest })
    expect(notice).toMatchObject({ level: 'info', since: oldest.dueAt, detail: 'mood m1', remedy: inTurn.remedy })
    expect(notice.text).toBe('the oldest pending mood has waited for 12 min, because it waits for its turn')
    expect(only('moods_waiting', { oldest: { ...oldest, why: NO_WORKER } }).level).toBe('warning')
    const leftOut = {
      ...holdReason('federation_off'),
      text: 'federation is on for @alice only, which leaves its author out',
    }
    expect(only('moods_waiting', { oldest: { ...oldest, why: leftOut } }).text).not.toContain('alice')
    expect(healthOf({ ...facts, oldest: { ...oldest, dueAt: NOW - MINUTE + 1 } })).toEqual([])
  })

  it('tells how many erasures are open, for how long, at which step the oldest waits, and for what', () => {
    const why = { code: 'pds_silent', text: 'the PDS does not answer', remedy: 'See to it.', until: null } as const
    const notice = only('erasures_open', { erasures: { open: 3, oldest: erasure, why } })
    expect(notice).toMatchObject({ level: 'warning', since: erasure.requestedAt, remedy: why.remedy })
    expect(notice.text).toBe(
      '3 erasures are open, the oldest for 2 h, waiting for "records deleted", because the PDS does not answer',
    )
    expect(JSON.stringify(notice)).not.toMatch(/receipt|u1|tombstone/)
    const young = newErasure('receipt', 'u1', 'tombstone', NOW - 5_000)
    const one = only('erasures_open', { erasures: { open: 1, oldest: young, why: null } })
    expect(one).toMatchObject({ level: 'info' })
    expect(one.text).toBe('1 erasure is open, for 5 s, waiting for "texts removed"')
  })

  it('tells of odd data as the last check found it, and of none where nothing is odd', () => {
    expect(healthOf({ ...facts, check: CHECK })).toEqual([])
    const check = { ...CHECK, at: NOW - MINUTE, documents: 9, odd: 3, mendable: 2 }
    const notice = only('odd_data', { check })
    expect(notice).toMatchObject({ level: 'warning', since: NOW - MINUTE, detail: null })
    expect(notice.text).toContain('3 of 9 documents are odd, of which 2 can be mended')
    expect(only('odd_data', { check: { ...check, mendable: 0 } }).text).not.toContain('mended')
  })

  it('tells of proofs that are twice as old as they may be, and of no others', () => {
    const { everyMs } = PROVING
    expect(healthOf({ ...facts, proving: PROVING })).toEqual([])
    expect(healthOf({ ...facts, proving: { ...PROVING, oldest: NOW - 2 * everyMs } })).toEqual([])
    const notice = only('proofs_old', { proving: { ...PROVING, oldest: NOW - 3 * everyMs } })
    expect(notice).toMatchObject({ level: 'warning', since: NOW - everyMs })
    expect(notice.text).toBe(
      'a repo was last proven equal to the database 3 days ago, and each is to be proven every 24 h',
    )
  })

  it('an erasure that cannot be read is a problem, and names its document to operators alone', () => {
    const notice = only('erasures_odd', { oddErasures: [oddErasure] })
    expect(notice).toMatchObject({
      level: 'problem',
      detail: 'r1: the field "version" is of another type than it must be',
    })
    expect(notice.text).toBe('1 erasure cannot be read, so nobody carries it out')
  })

  it('tells of a machine whose clock is off, by whichever of its processes has seen that, and of none that is dead', () => {
    const [fine, off] = [
      { store: 0, pds: null },
      { store: -7_200_000, pds: -7_200_000 },
    ]
    const of = (clocks: typeof fine | typeof off, at = NOW) =>
      aWorker(`w${at}`, { at, since: NOW - 9, policyVersion: 4, clocks })
    const clocks = { host: 'host-1', offsets: fine }
    for (const workers of [
      [of(off), of(fine)],
      [of(fine), of(off)],
    ]) {
      expect(only('clock_off', { workers, clocks })).toMatchObject({ level: 'problem', detail: 'host-1: 2 h ahead' })
    }
    expect(healthOf({ ...facts, workers: [of(fine), of(off, NOW - 60_000)], clocks })).toEqual([])
    expect(only('clock_off', { workers: [of(fine)], clocks: { host: 'host-2', offsets: off } }).text).toBe(
      'the clock of one of 2 machines is 2 h ahead: the database and the PDS agree on another time',
    )
  })

  it('accounts that a relay hides are a warning, with what helps most of them', () => {
    const [notice, ...others] = healthOf({ ...facts, relays: [HIDING] })
    expect(others).toEqual([])
    expect(notice).toMatchObject({
      code: 'relay_hides',
      level: 'warning',
      text: 'a relay does not show 5 of 100 accounts: what they publish is written, and not visible there',
      detail: 'https://relay.example: 3 throttled, 2 unknown',
    })
    expect(notice?.remedy).toContain('RELAY_ACCOUNT_LIMIT')
    const behind = { ...HIDING, standings: { visible: 1, behind: 9, deleted: 2 } }
    expect(healthOf({ ...facts, relays: [behind] })).toEqual([])
    const more = { ...HIDING, relay: 'https://other.example', standings: { unknown: 6 } }
    const [worst] = healthOf({ ...facts, relays: [HIDING, more] })
    expect(worst?.detail).toBe('https://other.example: 6 unknown; 1 more relay hides some')
    expect(worst?.remedy).toContain('moods relays crawl')
  })

  it('whatever is the case, the most urgent comes first, each is told once, and every remedy names commands that there are', () => {
    const anyFacts: fc.Arbitrary<HealthFacts> = fc.record({
      policy: fc.option(fc.constantFrom(everybody, { ...everybody, policy: FEDERATE_NONE, version: 5 }), {
        nil: null,
      }),
      workers: fc.array(
        fc.record({ at: fc.nat({ max: 30_000 }), version: fc.constantFrom(null, 4, 5) }).map(({ at, version }) => {
          return aWorker('w', { at: NOW - at, since: NOW - 60_000, policyVersion: version })
        }),
        { maxLength: 3 },
      ),
      failing: fc.constantFrom([], [silent]),
      oldest: fc.option(fc.constant({ id: 'm1', dueAt: NOW - 9 * MINUTE, why: inTurn, older: null }), { nil: null }),
      erasures: fc.option(fc.constant({ open: 1, oldest: erasure, why: null }), { nil: null }),
      check: fc.constantFrom(null, CHECK, { ...CHECK, odd: 3 }),
      proving: fc.constantFrom(null, PROVING, { ...PROVING, oldest: NOW - 9 * PROVING.everyMs }),
      oddErasures: fc.constantFrom([], [oddErasure], [oddErasure, oddErasure]),
      relays: fc.constantFrom([], [HIDING]),
      now: fc.constant(NOW),
    })
    fc.assert(
      fc.property(anyFacts, (given) => {
        const notices = healthOf(given)
        const levels = notices.map(({ level }) => NOTICE_LEVELS.indexOf(level))
        expect(levels).toEqual(levels.toSorted((a, b) => a - b))
        expect(new Set(notices.map(({ code }) => code)).size).toBe(notices.length)
        const isDead = !given.workers.some((worker) => isAlive(worker, NOW))
        expect(notices.some(({ code }) => code === 'no_worker')).toBe(isDead)
        for (const { remedy } of notices) {
          expect(remedy).toMatch(/\.$/)
          for (const command of commandsIn(remedy)) expect([command, wrongWith(command)]).toEqual([command, null])
        }
      }),
    )
  })
})

describe('sameNotice', () => {
  const waiting = (dueAt: number) => only('moods_waiting', { oldest: { id: 'm1', dueAt, why: inTurn, older: null } })

  it('is not news that another mood has come to be the oldest, or that time goes by', () => {
    expect(sameNotice(waiting(NOW - 2 * MINUTE), waiting(NOW - 3 * MINUTE))).toBe(true)
  })

  it('is news when it is more or less urgent, another one, or has begun again', () => {
    const oldest = { id: 'm1', dueAt: NOW - 2 * MINUTE, why: NO_WORKER, older: null }
    expect(sameNotice(waiting(oldest.dueAt), only('moods_waiting', { oldest }))).toBe(false)
    const off = (at: number) => only('federation_off', { policy: { ...everybody, policy: FEDERATE_NONE, at } })
    expect(sameNotice(off(NOW), off(NOW))).toBe(true)
    expect(sameNotice(off(NOW), off(NOW + 1))).toBe(false)
    expect(sameNotice(off(NOW), waiting(NOW - 2 * MINUTE))).toBe(false)
  })
})
