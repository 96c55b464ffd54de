/** Whether accounts are visible on relays: a worker asks a stand-in, which answers as relays do, and oddly. */

import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LEDGER } from '../../src/domain/budget.ts'
import { RELAY_REQUESTS } from '../../src/domain/relay.ts'
import type { Sighting } from '../../src/domain/sighting.ts'
import { Events } from '../../src/observe/events.ts'
import { RelayWatch } from '../../src/operate/relay-watch.ts'
import { recordedLog } from '../support/events.ts'
import { json, refuse, startRelay, type Said, type StandInRelay } from '../support/relay.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const never = new AbortController().signal
const HANDLES = ['alice', 'bob', 'carol']

let stack: AsyncDisposableStack
let site: Site
let relay: StandInRelay
let dids: readonly string[]
const take = recordedLog()

function watch(owner = 'w1', urls: readonly string[] = [relay.url]): RelayWatch {
  const { store, clock, client, relays } = site.app
  return new RelayWatch({ store, clock, client, relays, urls, owner, events: new Events(take.log) })
}

async function seen(n: number): Promise<Sighting | undefined> {
  return (await site.app.store.sightings.of([`u${n}`])).get(`u${n}`)?.find((sighting) => sighting.relay === relay.url)
}

/** All accounts are new to a relay that was never asked. */
async function afresh(): Promise<void> {
  for (const i of HANDLES.keys()) await site.app.store.sightings.forget(`u${i + 1}`)
  await site.app.store.ledger.forget(LEDGER.relay(relay.url))
  relay.accounts.clear()
  for (const did of dids) relay.accounts.set(did, { active: true })
  relay.instead = null
  relay.asked.length = 0
}

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  site = stack.use(await signedUpSite(HANDLES))
  relay = stack.use(await startRelay())
  const accounts = await Promise.all(HANDLES.map((_, i) => site.app.store.accounts.byUser(`u${i + 1}`)))
  dids = accounts.map((account) => account!.did!)
})

afterAll(() => stack.disposeAsync())

beforeEach(afresh)

describe('a worker asks relays', () => {
  it('for each account once, then again when it is due: within minutes where it is not visible, else within hours', async () => {
    relay.accounts.set(dids[1]!, 'unknown')
    const one = watch()
    await one.look(never)
    expect([await seen(1), await seen(2)]).toMatchObject([
      { standing: 'visible', did: dids[0], at: site.now() },
      { standing: 'unknown', did: dids[1] },
    ])
    await one.look(never)
    await watch('w2').look(never)
    expect(relay.asked).toHaveLength(3)
    site.forward(11 * MINUTE)
    relay.accounts.set(dids[1]!, { active: false, status: 'throttled' })
    await one.look(never)
    expect(relay.asked.slice(3)).toEqual([`getRepoStatus ${dids[1]}`])
    expect(await seen(2)).toMatchObject({ standing: 'throttled' })
    site.forward(6 * HOUR)
    await one.look(never)
    expect(relay.asked.slice(4).toSorted()).toEqual(dids.map((did) => `getRepoStatus ${did}`).toSorted())
  })

  it('and says by how much one is behind the PDS', async () => {
    await site.app.moods.post('u1', { mood: 'old' })
    await site.app.engine.drain()
    const account = (await site.app.store.accounts.byUser('u1'))! as Parameters<typeof site.app.client.revision>[0]
    const old = await site.app.client.revision(account)
    await site.app.moods.post('u1', { mood: 'new' })
    await site.app.engine.drain()
    if (old.kind !== 'ok' || old.value === null) throw new Error('no revision')
    relay.accounts.set(dids[0]!, { active: true, rev: old.value })
    // Of what was written within the last minute, a relay need not know yet.
    site.forward(2 * MINUTE)
    await watch().look(never)
    const sighting = await seen(1)
    expect(sighting).toMatchObject({ standing: 'behind', rev: old.value })
    expect(sighting!.pdsRev! > old.value).toBe(true)
  })

  it('one process at a time', async () => {
    let open = 0
    let most = 0
    const slowly: Said = (answer, did) => {
      most = Math.max(most, ++open)
      setImmediate(() => (open--, json(answer, 200, { did, active: true })))
    }
    for (const did of dids) relay.accounts.set(did, slowly)
    await Promise.all(['w1', 'w2', 'w3'].map((owner) => watch(owner).look(never)))
    expect([most, relay.asked.length]).toEqual([1, 3])
  })

  it('no more often than its budget allows, and not at all while it asks to wait', async () => {
    const { ledger } = site.app.store
    const [{ max, windowMs }] = RELAY_REQUESTS as readonly [(typeof RELAY_REQUESTS)[0]]
    const used = { limits: RELAY_REQUESTS, cost: max - 1, share: 1, probeMs: 0 }
    await ledger.reserve(LEDGER.relay(relay.url), used, site.now())
    const one = watch()
    await one.look(never)
    expect(relay.asked).toHaveLength(1)
    site.forward(windowMs)
    relay.instead = (answer) => void answer.writeHead(429, { 'retry-after': '60' }).end()
    await one.look(never)
    relay.instead = null
    // The second one begins with those that were passed over.
    for (let i = 0; i < 2; i++) await one.look(never)
    expect(relay.asked).toHaveLength(2)
    site.forward(61_000)
    for (let i = 0; i < 2; i++) await one.look(never)
    expect((await Promise.all([1, 2, 3].map(seen))).every((sighting) => sighting?.standing === 'visible')).toBe(true)
  })

  it('and keeps nothing of a user who is erased meanwhile', async () => {
    relay.accounts.set(dids[2]!, (answer, did) => {
      void site.app.store.sightings.forget('u3').then(() => json(answer, 200, { did, active: true }))
    })
    const { accounts } = site.app.store
    const gone = Object.assign(Object.create(accounts) as typeof accounts, {
      byUser: async (user: string) => (user === 'u3' ? null : accounts.byUser(user)),
    })
    const { clock, client, relays } = site.app
    const store = { ...site.app.store, accounts: gone }
    const deps = { store, clock, client, relays, urls: [relay.url], owner: 'w1', events: new Events(take.log) }
    await new RelayWatch(deps).look(never)
    expect([await seen(1), await seen(3)]).toEqual([expect.anything(), undefined])
  })
})

const says = (status: number, type: string, body: string) => (answer: ServerResponse) =>
  void answer.writeHead(status, { 'content-type': type }).end(body)

const ODD: Readonly<Record<string, (answer: ServerResponse) => void>> = {
  'a page': says(200, 'text/html', '<html>welcome</html>'),
  'a redirect': (answer) => void answer.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
  'no JSON': says(200, 'application/json', '{'),
  'another form': says(200, 'application/json', '{"did":5,"active":"yes"}'),
  'another account': says(200, 'application/json', '{"did":"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa","active":true}'),
  'a revision that is none': says(
    200,
    'application/json',
    '{"did":"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa","active":true,"rev":"x"}',
  ),
  'an endless answer': says(200, 'application/json', `"${'x'.repeat(2_000_000)}"`),
  'a 404 of a gateway': says(404, 'text/plain', 'no such page'),
  'a 500': (answer) => refuse(answer, 500, 'DatabaseError'),
  'a cut connection': (answer) => void answer.destroy(),
}

describe('a relay that answers oddly costs nobody anything', () => {
  it.each(Object.entries(ODD))('%s says nothing of an account, and what was known stays', async (_, instead) => {
    const one = watch()
    await one.look(never)
    const before = await Promise.all([1, 2, 3].map(seen))
    site.forward(7 * HOUR)
    relay.instead = instead
    for (let i = 0; i < 5; i++) await one.look(never)
    const after = await Promise.all([1, 2, 3].map(seen))
    const said = (sightings: typeof before) => sightings.map((sighting) => ({ ...sighting, dueAt: 0 }))
    expect(said(after)).toEqual(said(before))
    // It is left alone once it has failed three times in a row.
    expect(relay.asked.length).toBeLessThanOrEqual(3 + 5)
    relay.instead = null
    site.forward(11 * MINUTE)
    for (let i = 0; i < 2; i++) await one.look(never)
    expect((await Promise.all([1, 2, 3].map(seen))).every((sighting) => sighting!.at === site.now())).toBe(true)
  })

  it('nor does one that is gone: nobody waits for it, nothing is logged, and others are asked all the same', async () => {
    const gone = 'http://127.0.0.1:1'
    const one = watch('w1', [gone, relay.url])
    for (let i = 0; i < 5; i++) await one.look(never)
    expect(await site.app.store.sightings.count()).toMatchObject([{ relay: relay.url, standings: { visible: 3 } }])
    expect(await site.app.store.ledger.failing(9)).toEqual([])
    expect(take.take()).toEqual([])
    await site.app.store.ledger.forget(LEDGER.relay(gone))
  })
})
