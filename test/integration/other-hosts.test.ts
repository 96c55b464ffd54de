/** PDSes that differ in other ways than what a write means: nothing is lost, nothing is written twice, and nothing goes on for ever. */

import { expect, it } from 'vitest'
import { LEDGER } from '../../src/domain/budget.ts'
import { Gateway, pass } from '../support/gateway.ts'
import { LaggingPds } from '../support/lagging.ts'
import { listRecords } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

async function texts(site: Site): Promise<unknown[]> {
  const { did } = (await site.app.store.accounts.byUser('u1'))!
  return (await listRecords(site.realPds, did!)).map((record) => record.value['text']).toSorted()
}

/** Lets the engine work now and then for so many minutes. */
async function minutes(site: Site, count: number): Promise<void> {
  for (let i = 0; i < 2 * count; i++) {
    site.forward(30_000)
    await site.app.engine.drain()
  }
}

it('reads that come from a copy which is behind lose no deletion, and have nothing written twice', async () => {
  let pds!: LaggingPds
  await using site = await signedUpSite(['alice'], { front: async (url) => (pds = await LaggingPds.start(url)) })
  const { moods, engine, store } = site.app
  const ids = []
  for (const mood of ['one', 'two', 'three']) ids.push((await moods.post('u1', { mood })).mood.id)
  await engine.drain()
  pds.isBehind = true
  const { mood: regretted } = await moods.post('u1', { mood: 'regretted at once' })
  await engine.drain()
  await moods.delete('u1', regretted.id, 'withdraw')
  await moods.edit('u1', ids[0]!, { intensity: 3 })
  await moods.edit('u1', ids[1]!, { isPrivate: true })
  await engine.drain()
  const state = async (id: string) => (await store.moods.byId(id))!.sync.state
  expect(await texts(site)).toContain('regretted at once')
  expect(await state(regretted.id)).toBe('pending')
  pds.catchUp()
  await minutes(site, 2)
  expect(await texts(site)).toEqual(['one', 'three'])
  expect(await store.work.count()).toMatchObject({ states: { published: 2, withdrawn: 2, pending: 0 } })
})

it('a host that changes records is asked less and less what it does, is shown as one that answers oddly, and is published to once it keeps them', async () => {
  let changes = true
  const asked: Record<string, number> = {}
  const front = async (pdsUrl: string): Promise<Gateway> => {
    const gateway: Gateway = await Gateway.start(pdsUrl, (request, outgoing) => {
      asked[request.method] = (asked[request.method] ?? 0) + 1
      const isPut = request.method === 'com.atproto.repo.putRecord'
      const body =
        isPut && changes ? request.body.toString().replace('"record":{', '"record":{"seen":true,') : request.body
      return gateway.forward({ ...request, body: Buffer.from(body) }, (answer) => pass(answer, outgoing))
    })
    return gateway
  }
  await using site = await signedUpSite(['alice'], { front })
  const { moods, store, pdsUrl } = site.app
  const { mood } = await moods.post('u1', { mood: 'as it is' })
  await minutes(site, 60)
  expect(await store.moods.byId(mood.id)).toMatchObject({ sync: { state: 'pending' } })
  expect((await store.ledger.get(LEDGER.requests(pdsUrl)))?.unwell).toMatchObject([
    { method: 'com.atproto.repo.putRecord' },
  ])
  // One for each look, and those of the probes.
  expect(asked['com.atproto.repo.putRecord']).toBeLessThan(200)
  expect(await texts(site)).toEqual(['as it is'])
  changes = false
  await minutes(site, 2)
  expect(await store.moods.byId(mood.id)).toMatchObject({ sync: { state: 'published' } })
  expect(await texts(site)).toEqual(['as it is'])
})

it('deletions that are carried out later are settled when they are', async () => {
  let carriesOut = false
  const late: (() => Promise<unknown>)[] = []
  const front = async (pdsUrl: string): Promise<Gateway> => {
    const gateway: Gateway = await Gateway.start(pdsUrl, async (request, outgoing) => {
      if (carriesOut || request.method !== 'com.atproto.repo.deleteRecord') {
        return gateway.forward(request, (answer) => pass(answer, outgoing))
      }
      late.push(() => gateway.forward(request, (answer) => void answer.resume()))
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
    return gateway
  }
  await using site = await signedUpSite(['alice'], { front, isHostKnown: true })
  const { moods, engine, store } = site.app
  const { mood: first } = await moods.post('u1', { mood: 'one' })
  await moods.post('u1', { mood: 'two' })
  await engine.drain()

  await moods.delete('u1', first.id, 'withdraw')
  await minutes(site, 3)
  expect(await store.work.count()).toMatchObject({ states: { published: 1, withdrawn: 0, pending: 1 } })
  carriesOut = true
  await Promise.all(late.map((deletion) => deletion()))
  await minutes(site, 2)
  expect(await store.work.count()).toMatchObject({ states: { published: 1, withdrawn: 1, pending: 0 } })
  expect(await texts(site)).toHaveLength(1)
})
