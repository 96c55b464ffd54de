import { describe, expect, it } from 'vitest'
import type { ReadyAccount } from '../domain/account.ts'
import { informed, type LedgerEntry, PROBES, reserve, UNUSED } from '../domain/budget.ts'
import { type HostTraits, REFERENCE, WEAKEST } from '../domain/host-facts.ts'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import { KnownHosts } from './known-hosts.ts'

const HOUR = 60 * 60_000
const DAY = 24 * HOUR
const WEAK: HostTraits = { ...REFERENCE, nullSwap: 'ignored', cidSwap: 'ignored', batches: 'none' }
const signal = new AbortController().signal

/** What is known of hosts, in memory: how they answer a probe is set by host. */
function hosts() {
  const entries = new Map<string, LedgerEntry>()
  const entry = (key: string): LedgerEntry => entries.get(key) ?? UNUSED
  const answers = new Map<string, Outcome<HostTraits>>()
  const probed: string[] = []
  let now = 1_800_000_000_000
  const process = (): KnownHosts =>
    new KnownHosts({
      clock: { now: () => now },
      client: {
        probe({ pds }) {
          probed.push(pds)
          return Promise.resolve(answers.get(pds)!)
        },
      },
      ledger: {
        get: (key) => Promise.resolve(entries.get(key) ?? null),
        know: (key, facts) => Promise.resolve(void entries.set(key, informed(entry(key), facts))),
        reserve(key, reservation, at) {
          const { entry: after, ...answer } = reserve(entry(key), reservation, at)
          entries.set(key, after)
          return Promise.resolve(answer)
        },
      },
    })
  const known = process()
  return {
    answers,
    probed,
    process,
    known,
    forward: (ms: number): void => void (now += ms),
    of: (pds: string, by = known) => by.of({ pds } as ReadyAccount, signal),
  }
}

describe('what is known of hosts', () => {
  it('is of each host by itself, and found out once', async () => {
    const { answers, probed, of, process } = hosts()
    answers.set('https://a.test', ok(REFERENCE)).set('https://b.test', ok(WEAK))
    for (let i = 0; i < 2; i++) {
      expect(await of('https://a.test')).toMatchObject({ value: REFERENCE })
      expect(await of('https://b.test')).toMatchObject({ value: WEAK })
    }
    expect(await of('https://b.test', process())).toMatchObject({ value: WEAK })
    expect(probed).toEqual(['https://a.test', 'https://b.test'])
  })

  it('is found out again after a week, and once an answer contradicts it', async () => {
    const { answers, probed, of, known, forward } = hosts()
    answers.set('https://a.test', ok(REFERENCE))
    await of('https://a.test')
    forward(6 * DAY)
    await of('https://a.test')
    expect(probed).toHaveLength(1)
    forward(DAY)
    answers.set('https://a.test', ok(WEAK))
    expect(await of('https://a.test')).toMatchObject({ value: WEAK })
    const creation = (rkey: string): RepoWrite => ({ action: 'create', rkey, value: { $type: 'a.b.c' }, cid: 'x' })
    await known.heard('https://a.test', [creation('a')], { kind: 'uncertain', code: 'InvalidSwap', answered: true })
    answers.set('https://a.test', ok(REFERENCE))
    expect(await of('https://a.test')).toMatchObject({ value: REFERENCE })
    expect(probed).toHaveLength(3)
  })

  it.each<[string, Failure]>([
    ['makes no sense', { kind: 'uncertain', code: 'HostContradictsItself', answered: true }],
    ['has too few points for a probe', { kind: 'later', afterMs: 10 * 60_000, scope: 'account' }],
  ])(
    'a host that %s is taken for the weakest, and tried again after longer and longer waits',
    async (_what, answer) => {
      const { answers, probed, of, forward } = hosts()
      answers.set('https://a.test', answer)
      for (let minutes = 0; minutes < 7 * 24 * 60; minutes += 10) {
        expect(await of('https://a.test')).toEqual(ok(WEAKEST))
        forward(10 * 60_000)
      }
      expect(probed.length).toBeLessThan(18)
      expect(probed.length).toBeGreaterThan(8)
      answers.set('https://a.test', ok(REFERENCE))
      forward(DAY)
      expect(await of('https://a.test')).toMatchObject({ value: REFERENCE })
    },
  )

  it('however many processes ask, a host is probed no more often than its budget allows', async () => {
    const { answers, probed, of, process, forward } = hosts()
    answers.set('https://a.test', { kind: 'uncertain', code: 'HostContradictsItself', answered: true })
    for (let i = 0; i < 20; i++) expect(await of('https://a.test', process())).toEqual(ok(WEAKEST))
    expect(probed).toHaveLength(PROBES.max)
    forward(HOUR)
    await of('https://a.test', process())
    expect(probed).toHaveLength(PROBES.max + 1)
  })
})
