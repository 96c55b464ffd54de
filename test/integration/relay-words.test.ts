/** What a relay shows of accounts is said wherever somebody may look for it, with what it means and what to do. */

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { profileView } from '../../src/http/view.ts'
import { Events } from '../../src/observe/events.ts'
import { RelayWatch } from '../../src/operate/relay-watch.ts'
import { recordedLog } from '../support/events.ts'
import { runMoods } from '../support/process.ts'
import { json, refuse, startRelay, type StandInRelay } from '../support/relay.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

let stack: AsyncDisposableStack
let site: Site
let relay: StandInRelay

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  relay = stack.use(await startRelay())
  site = stack.use(
    await signedUpSite(['alice', 'bobby', 'carol'], { env: { RELAYS: relay.url, RELAY_ACCOUNT_LIMIT: '3' } }),
  )
  const { app } = site
  const did = async (user: string): Promise<string> => (await app.store.accounts.byUser(user))!.did!
  relay.accounts.set(await did('u1'), { active: true })
  relay.accounts.set(await did('u2'), { active: false, status: 'throttled' })
  const events = new Events(recordedLog().log)
  await new RelayWatch({ ...app, urls: [relay.url], owner: 'w', events }).look(new AbortController().signal)
})

afterAll(() => stack.disposeAsync())

beforeEach(() => {
  relay.instead = null
  relay.host = { status: 'active', accountCount: 3 }
})

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr } = await runMoods(args, site.env)
  return `${stdout}${stderr}`
}

it('status counts accounts, and has a notice for those that are hidden', async () => {
  expect(await said('status')).toContain(`${relay.url}: 1 visible, 1 throttled, 1 unknown`)
  const { relays, notices } = JSON.parse(await said('status', '--json')) as Record<string, readonly unknown[]>
  expect(relays).toEqual([{ relay: relay.url, silentSince: null, accounts: { visible: 1, throttled: 1, unknown: 1 } }])
  expect(notices).toContainEqual(
    expect.objectContaining({ code: 'relay_hides', level: 'warning', detail: `${relay.url}: 1 throttled, 1 unknown` }),
  )
})

it('an audit tells how many of the audited accounts are visible', async () => {
  const { stdout } = await runMoods(['audit'], site.env)
  expect(stdout).toContain(`visible        1 of 3 accounts on ${relay.url} (1 throttled, 1 unknown)`)
  const one = JSON.parse((await runMoods(['audit', '@bobby', '--json'], site.env)).stdout) as { relays: unknown }
  expect(one.relays).toEqual([{ relay: relay.url, standings: { throttled: 1 } }])
})

it('show says it of one account, with what to do', async () => {
  const text = (await Promise.all(['@bobby', '@carol', '@alice'].map((name) => said('show', name)))).join('\n')
  expect(text).toContain('what is published is written and not visible: the relay has the account, and throttles it')
  expect(text).toContain('RELAY_ACCOUNT_LIMIT')
  expect(text).toContain('the relay does not know the account')
  expect(text).toContain(`what is published is visible on ${relay.url}`)
  expect(JSON.parse(await said('show', '@bobby', '--json'))).toMatchObject({
    things: [{ relays: [{ relay: relay.url, standing: 'throttled', behindMs: null }] }],
  })
})

it('authors read it of their own account', async () => {
  expect(profileView(await site.app.accounts.profile('u2')).relays).toEqual([
    {
      relay: relay.url,
      standing: 'throttled',
      text: 'is written and not visible: the relay has the account, and throttles it',
      checkedAt: new Date(site.now()).toISOString(),
    },
  ])
  expect(profileView(await site.app.accounts.profile('nobody')).relays).toEqual([])
})

it('doctor asks the relay once what it knows of the PDS', async () => {
  const cases: readonly (readonly [() => void, string])[] = [
    [() => {}, 'follows the PDS, with 3 accounts of the 3 that it admits (RELAY_ACCOUNT_LIMIT)'],
    [
      () => (relay.host = { status: 'active', accountCount: 1 }),
      'follows the PDS, with 1 account of the 3 that it admits',
    ],
    [() => (relay.host = null), 'does not know the PDS: nothing that is published is visible there'],
    [() => (relay.host = { status: 'banned' }), 'knows the PDS, which is "banned" there'],
    [
      () => (relay.instead = (answer) => json(answer, 404, { error: 'NotFound' })),
      'does not tell how it stands with the PDS: it answered getHostStatus with 404 application/json',
    ],
  ]
  for (const [prepare, words] of cases) {
    relay.host = { status: 'active', accountCount: 3 }
    prepare()
    const before = relay.asked.length
    expect(await said('doctor')).toContain(`${relay.url} ${words}`)
    expect(relay.asked.length - before).toBe(1)
  }
})

it('relays crawl says what the relay knows, asks it with --execute alone, and says why it refuses', async () => {
  relay.host = null
  const host = new URL(site.app.pdsUrl).host
  expect(await said('relays', 'crawl')).toContain(`${relay.url} does not know ${site.app.pdsUrl}\nNothing was done`)
  expect(relay.crawls).toEqual([])
  expect(await said('relays', 'crawl', '--execute')).toContain('it will crawl it')
  expect(relay.crawls).toEqual([host])
  relay.instead = (answer) => refuse(answer, 400, 'HostBanned')
  const { code, stdout } = await runMoods(['relays', 'crawl', '--execute', '--json'], site.env)
  expect([code, JSON.parse(stdout)]).toMatchObject([1, { relays: [{ knows: null, asked: false, why: 'HostBanned' }] }])
})
