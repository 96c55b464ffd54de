/** What gateways and portals answer about accounts, before a real PDS: nothing of it is believed, and no account is flagged. */

import { describe, expect, it } from 'vitest'
import { erasureView } from '../../src/http/view.ts'
import { createSite, type Site } from '../support/site.ts'
import { type Exchange, OddServer } from '../support/odd-server.ts'

const HOUR = 3_600_000

/** A site behind an odd server, with a user who has an account. */
async function oddSite(env: Record<string, string> = {}): Promise<{ site: Site; odd: OddServer }> {
  let odd: OddServer | null = null
  const site = await createSite(env, {}, async (pdsUrl) => (odd = await OddServer.start(pdsUrl)))
  await site.pds.up()
  await site.app.accounts.signUp('u1', 'alice')
  await site.app.engine.drain()
  return { site, odd: odd! }
}

/** The engine works until all waits of a few minutes are over. */
async function settle({ app, ...site }: Site, minutes = 2): Promise<void> {
  for (let half = 0; half < 2 * minutes; half++) {
    site.forward(30_000)
    await app.engine.drain()
  }
}

/** The real answer, changed. */
function changed(change: (body: Record<string, unknown>) => Record<string, unknown>) {
  return async (exchange: Exchange): Promise<void> => {
    const { status, body } = await exchange.real()
    exchange.say(status, {}, change(JSON.parse(body.toString()) as Record<string, unknown>))
  }
}

const SOMEBODY = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

describe('an odd answer about an account', () => {
  it('makes no account that the PDS does not have, and the right one is there once the PDS answers', async () => {
    const { site, odd } = await oddSite()
    await using _ = site
    const { app } = site
    const never = async (exchange: Exchange): Promise<void> => {
      const { handle } = JSON.parse(exchange.body.toString()) as { handle: string }
      exchange.say(200, {}, { did: SOMEBODY, handle, accessJwt: 'a', refreshJwt: 'b' })
    }
    const answers = {
      createAccount: [
        never,
        changed((body) => ({ ...body, did: SOMEBODY })),
        changed(() => ({ status: 'login required' })),
      ],
      createInviteCode: [changed(() => ({ code: ' ' })), changed(() => ({ code: 'x'.repeat(1_000) }))],
      describeServer: [
        changed((body) => ({ ...body, availableUserDomains: [] })),
        changed((body) => ({ ...body, availableUserDomains: ['test', '.', 'x'.repeat(3_000), '.a_b', '.test\r\n'] })),
      ],
    }
    let users = 1
    for (const [method, each] of Object.entries(answers)) {
      for (const answer of each) {
        const user = `u${++users}`
        odd.begin({ name: method, answer }, [`com.atproto.server.${method}`])
        // What the PDS offers is asked for again after a while.
        site.forward(HOUR)
        await app.accounts.signUp(user, `user-${users}`)
        await settle(site)
        const before = await app.store.accounts.byUser(user)
        // What a try has made all the same may have been found by now.
        if (before?.state !== 'ready') expect([method, before?.state, before?.did]).toEqual([method, 'pending', null])
        await odd.end()
        await settle(site)
        const after = await app.store.accounts.byUser(user)
        expect([method, after?.state]).toEqual([method, 'ready'])
        expect(await app.directory.repoStatus(site.realPds, after!.did!)).toMatchObject({ value: { active: true } })
      }
    }
  })

  it('ends no erasure: the account is deleted once the PDS says so, and the receipt tells why it is open', async () => {
    const { site, odd } = await oddSite({ ERASE_PDS_ACCOUNT: 'true' })
    await using _ = site
    const { app } = site
    const { did } = (await app.store.accounts.byUser('u1'))!
    const portal = {
      name: 'portal',
      answer: ({ say }: Exchange) => say(200, { 'content-type': 'text/html' }, '<p>ok</p>'),
    }
    odd.begin(portal, ['com.atproto.admin.deleteAccount'])
    const { receipt } = await app.erasures.request('u1')
    await settle(site)
    const open = erasureView(await app.erasures.byReceipt(receipt))
    expect(open).toMatchObject({ state: 'running', reason: expect.any(String) })
    expect(await app.directory.repoStatus(site.realPds, did!)).toMatchObject({ value: { active: true } })
    const nothing = { name: 'a 200 that does nothing', answer: ({ say }: Exchange) => say(200, {}, undefined) }
    odd.begin(nothing, ['com.atproto.admin.deleteAccount'])
    await settle(site)
    expect(erasureView(await app.erasures.byReceipt(receipt))).toMatchObject({
      state: 'running',
      reason: 'the PDS has taken the order to delete the account, and still has the account',
    })
    await odd.end()
    await settle(site)
    expect(erasureView(await app.erasures.byReceipt(receipt)).state).toBe('done')
    expect(await app.directory.repoStatus(site.realPds, did!)).toMatchObject({ code: 'RepoNotFound' })
  })

  it('flags no account and leads to no login, whatever a gateway refuses, and all is published when it is gone', async () => {
    const { site, odd } = await oddSite()
    await using _ = site
    const { app } = site
    let posts = 0
    const asked = new Set<string>()
    for (const status of [401, 402, 403, 451]) {
      for (const body of ['{"message":"Forbidden"}', '{"error":"Unauthorized","message":"no api key"}', '<p>no</p>']) {
        const answer = ({ method, say }: Exchange): void => {
          asked.add(method)
          say(status, { 'content-type': 'application/json' }, body)
        }
        odd.begin({ name: String(status), answer }, null)
        await app.moods.post('u1', { mood: `mood ${posts++}` })
        await settle(site, 1)
        expect([status, body, (await app.store.accounts.byUser('u1'))?.state]).toEqual([status, body, 'ready'])
      }
    }
    expect(asked).toContain('com.atproto.server.describeServer')
    expect(asked).not.toContain('com.atproto.server.createSession')
    await odd.end()
    await settle(site)
    expect((await app.store.work.count()).states).toMatchObject({ published: posts, pending: 0, rejected: 0 })
  })

  it('neither pins a token nor logs in with every request, whatever the token says of its end', async () => {
    const { site, odd } = await oddSite()
    await using _ = site
    const { app } = site
    let logins = 0
    const opaque = async (exchange: Exchange): Promise<void> => {
      logins++
      await changed((body) => ({ ...body, accessJwt: `x.${String(body['accessJwt']).split('.')[1]}.y` }))(exchange)
    }
    odd.begin({ name: 'opaque', answer: opaque }, [
      'com.atproto.server.createSession',
      'com.atproto.server.refreshSession',
    ])
    site.forward(3 * HOUR)
    await app.moods.post('u1', { mood: 'with a token that is none' })
    await settle(site)
    // The PDS refuses it: that is one more with each try, and they are spaced.
    expect(logins).toBeGreaterThan(0)
    expect(logins).toBeLessThan(20)
    await odd.end()
    site.forward(HOUR)
    await settle(site)
    expect((await app.store.work.count()).states).toMatchObject({ published: 1, pending: 0 })
  })
})
