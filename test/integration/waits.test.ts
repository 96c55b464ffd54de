/** Commands wait for budgets, and for a PDS that asks to wait, and tell until when. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { backfill } from '../../src/operate/backfill.ts'
import type { OnProgress } from '../../src/operate/deps.ts'
import { auditUsers } from '../../src/operate/survey.ts'
import { readyAccount } from '../support/damage.ts'
import { signedUpSite } from '../support/signed-up.ts'

const HOUR = 3_600_000
const never = new AbortController().signal

describe('long commands', () => {
  it('a backfill waits until a budget has room again, tells until when, and publishes all', async () => {
    await using site = await signedUpSite(['alice'], {
      env: { POINTS_PER_HOUR: '20' },
      rateLimits: true,
      isHostKnown: true,
    })
    const { app } = site
    for (let i = 0; i < 12; i++) {
      const { mood } = await app.moods.post('u1', { mood: `mood ${i}` })
      const sync = { ...mood.sync, state: 'local', hold: 'backfill', dueAt: null } as const
      await app.store.moods.save([{ ...mood, sync }], site.now())
    }
    const start = site.now()
    const waits: (number | null)[] = []
    const note: OnProgress = (_what, _done, _total, waitsUntil = null) => {
      if (waitsUntil !== null) site.forward(Math.max(0, waitsUntil - site.now()))
      waits.push(waitsUntil)
    }
    const result = await backfill(
      { ...app, timer: site.timer },
      [],
      { delayMs: 0, execute: true },
      () => {},
      note,
      never,
    )
    expect(result.overall).toMatchObject({ total: 12, migrated: 12, notReached: 0 })
    const told = new Set(waits.filter((until) => until !== null))
    expect(told.size).toBeGreaterThan(0)
    for (const until of told) expect(until - start).toBeLessThanOrEqual(2 * HOUR)
    expect(waits.at(-1)).toBeNull()
  })

  it('an audit waits for as long as the PDS asks, and tells until when', async () => {
    await using site = await signedUpSite(['alice'], { env: { PDS_RATE_LIMITS: 'off' } })
    const { app } = site
    const account = await readyAccount(app, 'u1')
    let isBusy = true
    const host = createServer((_request, response) => {
      const headers = { 'retry-after': '90', 'ratelimit-policy': '3000;w=300', 'content-type': 'application/json' }
      if (isBusy) return void response.writeHead(429, headers).end('{"error":"RateLimitExceeded"}')
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"RepoNotFound","message":"none"}')
    })
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
    const pds = `http://127.0.0.1:${(host.address() as AddressInfo).port}`
    await app.store.accounts.save({ ...account, pds })
    const waits: (number | null)[] = []
    const note: OnProgress = (_what, _done, _total, waitsUntil = null) => {
      if (waitsUntil !== null) isBusy = false
      waits.push(waitsUntil)
    }
    const start = site.now()
    const report = await auditUsers({ ...app, timer: site.timer }, [], {}, note, never)
    // It has answered in the end: that it has no such repo.
    expect(report.summary).toMatchObject({ notReached: 0, unreadable: 1 })
    expect(waits).toEqual([start + 90_000, null, null])
    await new Promise((resolve) => host.close(resolve))
  })
})
