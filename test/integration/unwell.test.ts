/** A host that does not answer as a PDS does: what stands before the real PDS answers some methods in its place. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { isReady } from '../../src/domain/account.ts'
import { LEDGER, type LedgerEntry } from '../../src/domain/budget.ts'
import { runMoods } from '../support/process.ts'
import { Gateway, pass } from '../support/gateway.ts'
import { createSite, type Site } from '../support/site.ts'
import { aliveWorker } from '../support/workers.ts'

const PUT = 'com.atproto.repo.putRecord'
const DELETE = 'com.atproto.repo.deleteRecord'
const GET = 'com.atproto.repo.getRecord'
const DESCRIBE = 'com.atproto.server.describeServer'

interface Spoiled extends AsyncDisposable {
  readonly site: Site
  /** Answers these methods, from now on and no others, with a page for people. */
  spoil(...methods: readonly string[]): void
  /** Answers of its own, by method. */
  readonly answers: Map<string, (outgoing: ServerResponse) => void>
  /** How often a method was asked since then. */
  asked(method: string): number
  ledger(): Promise<LedgerEntry>
}

/** A site with an account `u1`, behind a gateway that lets everything through at first. */
async function behindGateway(env: Record<string, string> = {}): Promise<Spoiled> {
  await using stack = new AsyncDisposableStack()
  const answers = new Map<string, (outgoing: ServerResponse) => void>()
  const counts = new Map<string, number>()
  const front = (pdsUrl: string) => {
    const gateway: Promise<Gateway> = Gateway.start(pdsUrl, async (asked, outgoing) => {
      counts.set(asked.method, (counts.get(asked.method) ?? 0) + 1)
      const own = answers.get(asked.method)
      if (own) return own(outgoing)
      await (await gateway).forward(asked, (answer: IncomingMessage) => pass(answer, outgoing))
    })
    return gateway
  }
  const site = stack.use(await createSite(env, {}, front))
  await site.pds.up()
  await site.app.accounts.signUp('u1', 'alice')
  await site.app.engine.drain()
  const owned = stack.move()
  const page = (outgoing: ServerResponse): void => {
    outgoing.writeHead(403, { 'content-type': 'text/html' }).end('<p>Forbidden')
  }
  return {
    site,
    answers,
    spoil(...methods) {
      answers.clear()
      counts.clear()
      for (const method of methods) answers.set(method, page)
    },
    asked: (method) => counts.get(method) ?? 0,
    ledger: async () => (await site.app.store.ledger.get(LEDGER.requests(site.app.pdsUrl)))!,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Lets the engine do what it does in so many seconds. */
async function work({ site }: Spoiled, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    site.forward(1_000)
    await site.app.engine.drain()
  }
}

describe('a host that spoils one method', () => {
  it('is probed before anything else, is not taken for dead, rejects and flags nothing, and all is well once it is', async () => {
    await using spoiled = await behindGateway()
    const { app } = spoiled.site
    spoiled.spoil(PUT)
    const { mood } = await app.moods.post('u1', { mood: 'hello' })
    await app.engine.drain()
    await work(spoiled, 90)
    expect(spoiled.asked(PUT)).toBeGreaterThan(3)
    expect(spoiled.asked('com.atproto.server.createSession')).toBe(0)
    expect(await spoiled.ledger()).toMatchObject({ unwell: [{ method: PUT, said: '403 text/html' }] })
    expect((await spoiled.ledger()).failures).toBeLessThan(3)
    const account = await app.store.accounts.byUser('u1')
    expect(isReady(account)).toBe(true)
    expect(await app.store.moods.byId(mood.id)).toMatchObject({ sync: { state: 'pending', error: null } })
    // What it does not spoil is done meanwhile.
    if (isReady(account)) expect((await app.client.get(account, 'a.b.c', '2222222222222')).kind).toBe('ok')
    spoiled.spoil()
    await work(spoiled, 60)
    expect(await app.store.moods.byId(mood.id)).toMatchObject({ sync: { state: 'published' } })
    expect(await spoiled.ledger()).not.toHaveProperty('unwell')
    expect((await spoiled.ledger()).failures).toBe(0)
  })
})

describe('operators', () => {
  it('are told of it by status, doctor, show and commands that publish, until it is over', async () => {
    await using spoiled = await behindGateway()
    const { site } = spoiled
    spoiled.spoil(PUT)
    const { mood } = await site.app.moods.post('u1', { mood: 'hello' })
    await site.app.engine.drain()
    const url = site.app.pdsUrl
    await aliveWorker(site)
    const status = await runMoods(['status'], site.env)
    expect(status.stdout).toContain('the PDS does not answer as a PDS does, since')
    expect(status.stdout).toContain(`${url} answered putRecord with 403 text/html`)
    expect((await runMoods(['doctor'], site.env)).stdout).toContain(`${url} answered putRecord with 403 text/html`)
    const shown = await runMoods(['show', mood.id, '--json'], site.env)
    expect(shown.stdout).toContain('"code": "pds_unwell"')
    expect(shown.stdout).toContain('it answered putRecord with 403 text/html')
    const backfill = await runMoods(['backfill', '@alice', '--execute'], site.env)
    expect(backfill.stdout).toContain(`The PDS at ${url} does not answer as a PDS does since`)
    spoiled.spoil(DESCRIBE)
    const doctor = await runMoods(['doctor'], site.env)
    expect(doctor.stdout).toContain(
      `${url} does not answer as a PDS does: it answered describeServer with 403 text/html`,
    )
    expect(doctor.code).toBe(1)
    spoiled.spoil()
    await work(spoiled, 60)
    expect((await runMoods(['status'], site.env)).stdout).not.toContain('as a PDS does')
  })
})

describe('a host that spoils its probes', () => {
  it('is taken for dead, and back once it answers them', async () => {
    await using spoiled = await behindGateway()
    const { app } = spoiled.site
    const account = await app.store.accounts.byUser('u1')
    if (!isReady(account)) throw new Error('no account')
    const read = () => app.client.get(account, 'a.b.c', '2222222222222')
    spoiled.spoil(GET, DESCRIBE)
    expect(await read()).toMatchObject({ kind: 'uncertain', answered: false, said: '403 text/html' })
    expect([(await read()).kind, (await read()).kind, (await read()).kind]).toEqual(['host_down', 'host_down', 'later'])
    expect(spoiled.asked(GET)).toBe(1)
    expect((await spoiled.ledger()).unwell!.map(({ method }) => method)).toEqual([GET, DESCRIBE])
    spoiled.spoil()
    spoiled.site.forward(30_000)
    expect((await read()).kind).toBe('ok')
    expect(await spoiled.ledger()).not.toHaveProperty('unwell')
  })
})

describe('a PDS that asks an account to wait', () => {
  it('is not asked in its name by anybody meanwhile', async () => {
    await using spoiled = await behindGateway({ PDS_RATE_LIMITS: 'on' })
    const { app } = spoiled.site
    spoiled.answers.set(PUT, (outgoing) => {
      const headers = {
        'retry-after': '315360000',
        'ratelimit-policy': '5000;w=3600',
        'content-type': 'application/json',
      }
      outgoing.writeHead(429, headers).end('{"error":"RateLimitExceeded"}')
    })
    const before = spoiled.asked(DELETE)
    await app.moods.post('u1', { mood: 'hello' })
    await app.engine.drain()
    const account = await app.store.accounts.byUser('u1')
    if (!isReady(account)) throw new Error('no account')
    const deletion = [{ action: 'delete', rkey: '2222222222222' }] as const
    const never = new AbortController().signal
    const asked = await app.client.write(account, 'a.b.c', deletion, never)
    expect(asked).toMatchObject({ kind: 'later', afterMs: 3_600_000, scope: 'account' })
    expect((await app.client.get(account, 'a.b.c', '2222222222222')).kind).toBe('ok')
    expect(spoiled.asked(DELETE)).toBe(before)
  })
})
