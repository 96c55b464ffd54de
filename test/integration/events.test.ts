/** Each business event is told once, where it happens, by the real engine against the real PDS. */

import { expect, it } from 'vitest'
import { COLLECTION } from '../../src/domain/record.ts'
import { type LoggedEvent, recordedLog, tally } from '../support/events.ts'
import { primaryOf } from '../support/primary.ts'
import { listRecords, putStray } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'

const NAMES = ['published', 'adopted', 'withdrawn', 'strays removed', 'records erased', 'account deleted']

/** A site with three published moods of `u1`, whose events are counted from then on. */
async function recordedSite(env: Record<string, string> = {}) {
  const { log, take } = recordedLog()
  const site = await signedUpSite(['alice'], { env, overrides: { log } })
  const { app } = site
  const ids: string[] = []
  for (const mood of ['one', 'two', 'three']) ids.push((await app.moods.post('u1', { mood })).mood.id)
  const events: LoggedEvent[] = []
  const counted = async (): Promise<Record<string, number>> => {
    await app.engine.drain()
    const latest = take()
    events.push(...latest)
    return tally(latest, NAMES)
  }
  return { app, site, ids, events, counted, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() }
}

it('a creation and a replacement are published, a deletion is withdrawn and not published', async () => {
  await using setup = await recordedSite()
  const { app, ids, events, counted } = setup
  expect(await counted()).toEqual({ published: 3 })
  await app.moods.edit('u1', ids[0]!, { intensity: 3 })
  expect(await counted()).toEqual({ published: 1 })
  await app.moods.delete('u1', ids[1]!, 'withdraw')
  await app.moods.edit('u1', ids[2]!, { isPrivate: true })
  expect(await counted()).toEqual({ withdrawn: 2 })
  // No record was there to be withdrawn, or it was kept.
  const { mood } = await app.moods.post('u1', { mood: 'taken back at once' })
  await app.moods.delete('u1', mood.id, 'withdraw')
  await app.moods.delete('u1', ids[0]!, 'keep')
  expect(await counted()).toEqual({})
  expect(JSON.stringify(events)).not.toMatch(/one|two|three|taken back|u1"/)
})

it('a record that a lost note left behind is adopted and not published again', async () => {
  await using setup = await recordedSite()
  const { app, site, ids, counted } = setup
  expect(await counted()).toEqual({ published: 3 })
  await primaryOf(site.dataFolder).damage(ids[0]!, { unlinked: true })
  await app.store.repos.mark('u1', site.now())
  await app.store.repos.claim('a worker that died', site.now(), site.now(), 0)
  expect(await counted()).toEqual({ adopted: 1 })
})

it('a result that is dropped is no event until the next pass keeps it', async () => {
  await using setup = await recordedSite()
  const { app, ids, counted } = setup
  const settle = app.store.work.settle.bind(app.store.work)
  app.store.work.settle = async (settlements, now) => {
    app.store.work.settle = settle
    const row = (await app.store.moods.byId(ids[0]!))!
    await settle([{ id: row.id, version: row.version, next: { ...row.sync, dueAt: now } }], now)
    return settle(settlements, now)
  }
  expect(await counted()).toEqual({ published: 2, adopted: 1 })
})

it('a stray that is removed on order is told of once', async () => {
  await using setup = await recordedSite()
  const { app, site, counted } = setup
  await counted()
  const { did } = (await app.store.accounts.byUser('u1'))!
  await putStray(app, did!, { $type: COLLECTION, text: 'stray' })
  const stray = (await listRecords(app.pdsUrl, did!)).find(({ value }) => value['text'] === 'stray')!
  const rkey = stray.uri.slice(stray.uri.lastIndexOf('/') + 1)
  await app.store.removals.add('u1', [{ rkey, cid: stray.cid }])
  await app.store.repos.mark('u1', site.now())
  expect(await counted()).toEqual({ 'strays removed': 1 })
  await app.engine.nudge('u1')
  expect(await counted()).toEqual({})
})

it('an erasure tells of its records and its account, and names no user', async () => {
  await using setup = await recordedSite({ ERASE_PDS_ACCOUNT: 'true' })
  const { app, events, counted } = setup
  await counted()
  const before = events.length
  const { did } = (await app.store.accounts.byUser('u1'))!
  const { receipt } = await app.erasures.request('u1')
  expect(await counted()).toEqual({ 'records erased': 3, 'account deleted': 1 })
  const erased = JSON.stringify(events.slice(before))
  for (const secret of [did!, receipt, '"u1"', 'alice']) expect(erased).not.toContain(secret)
})
