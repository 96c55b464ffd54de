import { expect, it } from 'vitest'
import { type FailingHost, LEDGER, reachable, unreachable, UNUSED } from '../domain/budget.ts'
import { ok } from '../domain/outcome.ts'
import { HostProbes, type ProbeDeps } from './probe-hosts.ts'

const DAY = 24 * 60 * 60_000
const LOOK_MS = 2_000

it('of however many hosts in trouble, each is probed when its time has come, few at a time', async () => {
  let now = 1_800_000_000_000
  const hosts = new Map<string, FailingHost['requests']>()
  const silentFor = (ms: number) => unreachable(UNUSED, true, 300_000, now - ms)
  for (let i = 0; i < 900; i++) hosts.set(`http://${String(i).padStart(3, '0')}.test`, silentFor(0))
  // These answer some method oddly, and are not silent: there is nothing to probe.
  for (let i = 0; i < 300; i++)
    hosts.set(`http://odd-${i}.test`, {
      ...UNUSED,
      unwell: [{ method: 'a.b.c', said: 'x', since: now, at: now }],
    })
  for (let i = 0; i < 50; i++) hosts.set(`http://old-${i}.test`, silentFor(8 * DAY))
  for (let i = 0; i < 50; i++) hosts.set(`http://zzz-${i}.test`, silentFor(0))
  let atOnce = 0
  const reached: string[] = []
  const ledger: Partial<ProbeDeps['ledger']> = {
    failing(limit, after = '') {
      const behind = [...hosts.keys()].filter((host) => host > after).toSorted()
      return Promise.resolve(behind.slice(0, limit).map((host) => ({ host, requests: hosts.get(host)! })))
    },
    forget: (key) => Promise.resolve(void hosts.delete(key.slice(LEDGER.requests('').length))),
  }
  const client: ProbeDeps['client'] = {
    async reach(host) {
      atOnce++
      expect(atOnce).toBeLessThanOrEqual(20)
      await Promise.resolve()
      atOnce--
      reached.push(host)
      hosts.set(host, reachable(hosts.get(host)!))
      if (host.startsWith('http://0')) hosts.set(host, unreachable(UNUSED, true, 1_000, now))
      return ok(undefined)
    },
  }
  const events = { defect: (_what: string, error: unknown) => expect.unreachable(String(error)) } as never
  const probes = new HostProbes({
    ledger: ledger as ProbeDeps['ledger'],
    client,
    events,
    clock: { now: () => now },
    pdsUrl: 'http://000.test',
  })
  await probes.look()
  expect(reached).not.toContain('http://odd-1.test')
  now += 300_000
  // A hundred of them fall silent again and again, before all others by their names.
  for (let i = 0; i < 80; i++) {
    await probes.look()
    now += LOOK_MS
  }
  for (const name of ['http://899.test', 'http://zzz-49.test']) expect(reached).toContain(name)
  expect(new Set(reached)).toEqual(new Set([...hosts.keys()].filter((host) => !host.startsWith('http://odd'))))
  expect([...hosts.keys()].filter((host) => host.startsWith('http://old'))).toEqual([])
})
