/** What the probe finds out of each kind of PDS, and what it leaves there. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReadyAccount } from '../../src/domain/account.ts'
import { LEDGER } from '../../src/domain/budget.ts'
import { QUARANTINE_MS } from '../../src/domain/doubt.ts'
import { REFERENCE } from '../../src/domain/host-facts.ts'
import { readyAccount } from '../support/damage.ts'
import { Gateway, pass } from '../support/gateway.ts'
import { PROFILES, ProfileProxy, traitsOf } from '../support/profiles.ts'
import { FaultyProxy } from '../support/proxy.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Front, Site } from '../support/site.ts'

let site: Site
let account: ReadyAccount
beforeAll(async () => {
  site = await signedUpSite(['alice'], { env: { PDS_TIMEOUT_MS: '500' } })
  // On a busy machine, making an account takes longer than answers may take here: then it is found again.
  for (let i = 0; i < 5; i++) {
    site.forward(60_000)
    await site.app.engine.drain()
  }
  account = await readyAccount(site.app, 'u1')
})
afterAll(() => site[Symbol.asyncDispose]())

const probe = (pds: string) => site.app.client.probe({ ...account, pds }, new AbortController().signal)

/** Every record of every collection. */
async function collections(): Promise<unknown> {
  const query = new URLSearchParams({ repo: account.did })
  const response = await fetch(`${site.realPds}/xrpc/com.atproto.repo.describeRepo?${query.toString()}`)
  return ((await response.json()) as { collections: unknown }).collections
}

describe('the probe', () => {
  it('finds that the reference PDS is one', async () => {
    expect(await probe(site.realPds)).toEqual({ kind: 'ok', value: REFERENCE })
    expect(await collections()).toEqual([])
  })

  it.each(PROFILES)('finds out %s, and leaves nothing', async (profile) => {
    await using proxy = await ProfileProxy.start(profile, site.realPds)
    expect(await probe(proxy.url)).toEqual({ kind: 'ok', value: traitsOf(profile) })
    expect(await collections()).toEqual([])
  })

  it.each(['drops-swap', 'refuses-swap'] as const)(
    'never takes %s for a stronger host, whatever goes wrong on the way',
    async (profile) => {
      await using weak = await ProfileProxy.start(profile, site.realPds)
      const found: unknown[] = []
      for (let seed = 1; seed <= 4; seed++) {
        const faults = { target: weak.url, seed, rate: 0.15, clientTimeoutMs: 500, lateMs: 100 }
        await using proxy = await FaultyProxy.start(faults)
        const outcome = await probe(proxy.url)
        found.push(outcome.kind === 'ok' ? outcome.value.nullSwap : 'not found out')
      }
      expect(found).not.toContain('protects')
    },
  )
})

describe('what is known of a host', () => {
  it('costs the moods that are posted there no request: each is one write on the reference PDS', async () => {
    // Where an account lives is asked once in ten minutes, whatever is known of its host.
    const place = 'com.atproto.identity.getRecommendedDidCredentials'
    let asked: string[] = []
    const counted = async (pdsUrl: string): Promise<Gateway> => {
      const gateway: Gateway = await Gateway.start(pdsUrl, (request, outgoing) => {
        if (request.method !== place) asked.push(request.method)
        return gateway.forward(request, (answer) => pass(answer, outgoing))
      })
      return gateway
    }
    await using own = await signedUpSite(['alice', 'bob'], { front: counted })
    const { moods, engine } = own.app
    for (const user of ['u1', 'u2', 'u2']) {
      asked = []
      await moods.post(user, { mood: `mood ${own.now()}` })
      own.forward(1_000)
      await engine.drain()
      expect(asked, user).toEqual(['com.atproto.repo.putRecord'])
    }
    asked = []
    for (let i = 0; i < 5; i++) await moods.post('u2', { mood: `mood ${i} of five` })
    await engine.drain()
    expect(asked).toEqual(['com.atproto.repo.applyWrites'])
  })

  it('is found out at no cost of the moods: budgets with no room for test records let them through', async () => {
    const few = { POINTS_PER_HOUR: '3', POINTS_PER_DAY: '30', REQUESTS_PER_5_MIN: '12' }
    await using own = await signedUpSite(['alice'], { env: few })
    const { app } = site
    await app.moods.post('u1', { mood: 'with the few points that there are' })
    await app.engine.drain()
    // What is left of the hour may have gone into the account.
    own.forward(3_600_000)
    await app.engine.drain()
    expect((await app.store.work.count()).states).toMatchObject({ published: 1, pending: 0 })
    const { facts } = (await app.store.ledger.get(LEDGER.requests(app.pdsUrl)))!
    expect(facts).toMatchObject(REFERENCE)
    const { did } = (await app.store.accounts.byUser('u1'))!
    expect((await app.store.ledger.get(LEDGER.points(did!)))?.windows).toMatchObject([{ used: 2 }, { used: 2 }])
  })

  it('has a creation count as a replacement where the host does not compare: after a lost answer it is settled late', async () => {
    let isLost = false
    const losing = async (pdsUrl: string): Promise<Front> => {
      await using stack = new AsyncDisposableStack()
      const kind = stack.use(await ProfileProxy.start('drops-swap', pdsUrl))
      const gateway: Gateway = stack.use(
        await Gateway.start(kind.url, (request, outgoing) => {
          const loses = isLost && request.method === 'com.atproto.repo.putRecord'
          if (loses) isLost = false
          return gateway.forward(request, (answer) => {
            if (!loses) return pass(answer, outgoing)
            answer.resume()
            request.incoming.socket.destroy()
          })
        }),
      )
      const owned = stack.move()
      return { url: gateway.url, [Symbol.asyncDispose]: () => owned.disposeAsync() }
    }
    await using own = await signedUpSite(['alice'], { front: losing })
    const { moods, engine, store } = own.app
    isLost = true
    const { mood } = await moods.post('u1', { mood: 'nobody heard that it is there' })
    const state = async () => (await store.moods.byId(mood.id))!.sync.state
    await engine.drain()
    expect(isLost).toBe(false)
    for (let i = 0; i < 4; i++) {
      own.forward(2_000)
      await engine.drain()
      expect(await state()).toBe('pending')
    }
    own.forward(QUARANTINE_MS)
    await engine.drain()
    expect(await state()).toBe('published')
  })
})
