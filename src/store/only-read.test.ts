import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEDGER } from '../domain/budget.ts'
import type { LedgerStore, Store } from '../ports/store.ts'
import { onlyRead } from './only-read.ts'
import { openSqlite } from './sqlite/index.ts'

const WHY = 'this is why'
const folder = mkdtempSync(join(tmpdir(), 'moods-test-'))
let store: Store
let reader: Store

beforeAll(() => {
  store = openSqlite(join(folder, 'moods.sqlite'))
  reader = onlyRead(store, WHY)
})
afterAll(async () => {
  await store[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const refused = { code: 'config', message: WHY }

it('refuses what writes, and says why', async () => {
  expect(reader.onlyRead).toBe(WHY)
  const writes: readonly (readonly [keyof Store, string])[] = [
    ['moods', 'add'],
    ['work', 'settle'],
    ['accounts', 'save'],
    ['repos', 'claim'],
    ['repos', 'sweep'],
    ['audits', 'forget'],
    ['ledger', 'forget'],
    ['policy', 'save'],
    ['tasks', 'note'],
    ['sightings', 'note'],
    ['archive', 'put'],
  ]
  for (const [port, method] of writes) {
    const call = Reflect.get(reader[port] as object, method) as () => Promise<unknown>
    await expect(call(), `${String(port)}.${method}`).rejects.toMatchObject(refused)
  }
})

it('reads, leaves out what an audit notes, and follows the first policy without storing it', async () => {
  expect(await reader.moods.lastOrdinal('u1')).toBe(0)
  await reader.audits.note('u1', { kind: 'failed', at: 1, code: 'X' })
  const first = { policy: { mode: 'off', percent: 0, allow: [] }, by: 'us', at: 1, reason: null } as const
  expect(await reader.policy.get()).toBeNull()
  expect(await reader.policy.begin(first)).toEqual({ ...first, version: 0 })
  expect(await reader.policy.get()).toMatchObject(first)
  expect([await store.policy.get(), await store.audits.page('', 9)]).toEqual([null, []])
})

/** One thing that happens to a host, on any ledger. */
type Event = (ledger: LedgerStore, host: string, now: number) => Promise<unknown>

const EVENTS: Readonly<Record<string, Event>> = {
  reserve: (ledger, host, now) => {
    const limits = [{ max: 3, windowMs: 20 }]
    return ledger.reserve(LEDGER.requests(host), { limits, cost: 1, share: 1, probeMs: 5 }, now)
  },
  block: (ledger, host, now) => ledger.block(LEDGER.requests(host), now + 7),
  missed: (ledger, host, now) => ledger.unreachable(LEDGER.requests(host), false, () => 9, now),
  refused: (ledger, host, now) => ledger.unreachable(LEDGER.requests(host), true, () => 9, now, now - 1),
  odd: (ledger, host, now) => {
    return ledger.noteUnwell(LEDGER.requests(host), { method: 'a.b.c', said: '403 text/html' }, now, now)
  },
  well: (ledger, host) => ledger.noteWell(LEDGER.requests(host), ['a.b.c']),
  answered: (ledger, host) => ledger.reachable(LEDGER.requests(host)),
}

it('counts budgets as the store does, from what is stored on, and stores nothing', async () => {
  const event = fc.record({
    name: fc.constantFrom(...Object.keys(EVENTS)),
    host: fc.constantFrom('http://a', 'http://b', 'http://c'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 5 }), fc.array(event, { maxLength: 30 }), async (before, after) => {
      const hosts = ['http://a', 'http://b', 'http://c']
      for (const host of hosts) await store.ledger.forget(LEDGER.requests(host))
      const events = [...before, ...after].map(({ name, host }, i) => ({ run: EVENTS[name]!, host, at: i + 1 }))
      const known = events.slice(0, before.length)
      const rest = events.slice(before.length)
      for (const { run, host, at } of known) await run(store.ledger, host, at)
      const stored = JSON.stringify(await Promise.all(hosts.map((host) => store.ledger.get(LEDGER.requests(host)))))
      const { ledger } = onlyRead(store, WHY)
      const answers: unknown[] = []
      for (const { run, host, at } of rest) answers.push(await run(ledger, host, at))
      const failing = [await ledger.failing(9), await ledger.failing(1)]
      const entries = await Promise.all(hosts.map((host) => ledger.get(LEDGER.requests(host))))
      const now = await Promise.all(hosts.map((host) => store.ledger.get(LEDGER.requests(host))))
      expect(JSON.stringify(now)).toBe(stored)
      // The store's own ledger is the measure.
      const expected: unknown[] = []
      for (const { run, host, at } of rest) expected.push(await run(store.ledger, host, at))
      expect(answers).toEqual(expected)
      expect(failing).toEqual([await store.ledger.failing(9), await store.ledger.failing(1)])
      const same = await Promise.all(hosts.map((host) => store.ledger.get(LEDGER.requests(host))))
      expect(entries.map((entry) => entry?.failures ?? 0)).toEqual(same.map((entry) => entry?.failures ?? 0))
    }),
    { numRuns: 60 },
  )
})

it('counts requests that are made at the same time, each once', async () => {
  const { ledger } = onlyRead(store, WHY)
  const one = { limits: [{ max: 3, windowMs: 20 }], cost: 1, share: 1, probeMs: 5 }
  const answers = await Promise.all(Array.from({ length: 5 }, () => ledger.reserve('requests http://d', one, 0)))
  expect(answers.filter(({ waitUntil }) => waitUntil === null)).toHaveLength(3)
})
