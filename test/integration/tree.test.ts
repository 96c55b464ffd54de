/** Reading a repo of the real PDS by its tree: the same as reading it whole, for much less. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ReadyAccount } from '../../src/domain/account.ts'
import { ExpectedRecords } from '../../src/domain/expected.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { cidOf, COLLECTION } from '../../src/domain/record.ts'
import { damage, putRecord, readyAccount } from '../support/damage.ts'
import { type Asked, Gateway } from '../support/gateway.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

const MOODS = 600
const never = new AbortController().signal

describe('a repo that is read by its tree', () => {
  let site: Site
  let gateway: Gateway
  let account: ReadyAccount
  const asked: Record<string, number> = {}
  let bytes = 0
  /** Answers in the place of the PDS, where it returns true. */
  let instead: (asked: Asked, outgoing: ServerResponse) => boolean

  beforeAll(async () => {
    const front = async (pdsUrl: string): Promise<Gateway> => {
      gateway = await Gateway.start(pdsUrl, async (request, outgoing) => {
        asked[request.method] = (asked[request.method] ?? 0) + 1
        if (instead(request, outgoing)) return
        await gateway.forward(request, (answer: IncomingMessage) => {
          answer.on('data', (chunk: Buffer) => void (bytes += chunk.length))
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(outgoing)
        })
      })
      return gateway
    }
    instead = () => false
    site = await signedUpSite(['alice'], { env: { PDS_RATE_LIMITS: 'off' }, front })
    for (let i = 0; i < MOODS; i++) await site.app.moods.post('u1', { mood: `mood ${i}` })
    await site.app.engine.drain()
    account = await readyAccount(site.app, 'u1')
    const others = Array.from({ length: 150 }, (_, i) => ({
      action: 'create' as const,
      rkey: `other-${i}`,
      value: { $type: 'com.example.other', i },
      cid: cidOf({ $type: 'com.example.other', i }),
    }))
    expect(await site.app.client.write(account, 'com.example.other', others, never)).toMatchObject({ kind: 'ok' })
  }, 60_000)
  afterAll(() => site[Symbol.asyncDispose]())
  function forget(): void {
    for (const name of Object.keys(asked)) delete asked[name]
    bytes = 0
  }
  beforeEach(() => {
    forget()
    instead = () => false
  })

  async function history(): Promise<readonly Mood[]> {
    return site.app.store.moods.history('u1', null, 10_000)
  }

  /** Both ways give the same; what the tree has cost. */
  async function compared() {
    const expected = ExpectedRecords.of(await history())
    const byTree = await site.app.client.compare(account, COLLECTION, { verify: true, expected })
    const cost = { ...asked, bytes }
    instead = () => false
    const whole = await site.app.client.compare(account, COLLECTION, { verify: true })
    if (byTree.kind !== 'ok' || whole.kind !== 'ok') throw new Error(JSON.stringify([byTree, whole]))
    const { rev, commit, signed, size } = whole.value
    expect(byTree.value).toMatchObject({ rev, commit, signed, size })
    expect([signed, size]).toEqual([true, whole.value.records.size])
    for (const [rkey, { cid, value }] of byTree.value.records)
      expect(whole.value.records.get(rkey)).toMatchObject({ cid, value })
    for (const [rkey, { cid }] of whole.value.records) expect(byTree.value.cidOf(rkey)).toBe(cid)
    for (const rkey of byTree.value.missing) expect(whole.value.records.has(rkey)).toBe(false)
    return { ...cost, records: byTree.value.records.size, missing: byTree.value.missing.size }
  }

  it('costs the commit, and the nodes at the border of another collection, where all is as it should be', async () => {
    const cost = await compared()
    expect(cost).toMatchObject({ 'com.atproto.sync.getLatestCommit': 1 })
    expect(cost).not.toHaveProperty(['com.atproto.sync.getRepo'])
    expect(cost.bytes).toBeLessThan(30_000)
  })

  it('finds each kind of damage', async () => {
    const moods = await history()
    await damage(site.app, 'drift', moods[10]!)
    await damage(site.app, 'missing', moods[200]!)
    await damage(site.app, 'duplicate', moods[300]!)
    await damage(site.app, 'leaked', moods[400]!)
    await putRecord(site.app, 'u1', { text: 'somebody else’s', createdAt: '2026-01-01T00:00:00.000Z' })
    const cost = await compared()
    expect(cost).not.toHaveProperty(['com.atproto.sync.getRepo'])
    expect(cost.bytes).toBeLessThan(60_000)
  })

  it.each([
    ['has no such method', 501, 'MethodNotImplemented', 'not here'],
    ['has dropped the blocks again and again', 400, 'InvalidRequest', 'Could not find cids: bafyreib'],
    ['answers with something else', 200, '', ''],
  ])('is read whole where the PDS %s', async (_what, status, error, message) => {
    instead = ({ method }, outgoing) => {
      if (method !== 'com.atproto.sync.getBlocks') return false
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error, message }))
      return true
    }
    const cost = await compared()
    expect(cost).toMatchObject({ 'com.atproto.sync.getRepo': 1 })
    const begun = message.startsWith('Could not find') ? 3 : 1
    expect(cost).toMatchObject({ 'com.atproto.sync.getLatestCommit': begun, 'com.atproto.sync.getBlocks': begun })
  })

  it('has a few of its many records found by the tree, for a small part of the whole', async () => {
    const [many, records] = ['com.example.many', 10_000]
    const rkeyOf = (i: number): string => `3k${String(i).padStart(11, '0')}`
    const valueOf = (i: number) => ({ $type: many, text: `one of many: ${i}`, createdAt: '2026-01-01T00:00:00.000Z' })
    for (let from = 0; from < records; from += 200) {
      const writes = Array.from({ length: 200 }, (_, i) => {
        const value = valueOf(from + i)
        return { action: 'create' as const, rkey: rkeyOf(from + i), value, cid: cidOf(value) }
      })
      expect(await site.app.client.write(account, many, writes, never)).toMatchObject({ kind: 'ok' })
    }
    const costs = []
    for (const count of [9, 50, 200]) {
      const numbers = Array.from({ length: count }, (_, i) => Math.floor((i * records * 1.1) / count))
      forget()
      const read = await site.app.client.read(account, many, numbers.map(rkeyOf), { records })
      const cids = new Map(numbers.map((i) => [rkeyOf(i), i < records ? cidOf(valueOf(i)) : null]))
      expect(read).toEqual({ kind: 'ok', value: { cids, unread: new Map() } })
      costs.push({ count, bytes, requests: Object.values(asked).reduce((sum, n) => sum + n, 0), ways: { ...asked } })
    }
    expect(costs).toMatchObject(costs.map(({ count }) => ({ count, ways: { 'com.atproto.sync.getRecord': 1 } })))
    for (const { ways, requests } of costs) {
      expect(ways).not.toHaveProperty(['com.atproto.sync.getRepo'])
      expect(requests).toBeLessThanOrEqual(30)
    }
    expect(costs.map(({ count, bytes: read }) => read < 30_000 + 5_000 * count)).toEqual([true, true, true])
    forget()
    expect(
      await site.app.client.read(
        account,
        many,
        Array.from({ length: 9 }, (_, i) => rkeyOf(i)),
      ),
    ).toMatchObject({
      kind: 'ok',
    })
    expect(asked).toMatchObject({ 'com.atproto.sync.getRepo': 1 })
    expect(bytes).toBeGreaterThan(1_500_000)
    // It is remembered how large it is.
    forget()
    expect(
      await site.app.client.read(
        account,
        many,
        Array.from({ length: 9 }, (_, i) => rkeyOf(i)),
      ),
    ).toMatchObject({
      kind: 'ok',
    })
    expect(asked).not.toHaveProperty(['com.atproto.sync.getRepo'])
  })

  it('is not read whole by the engine, which verifies deletions, once it is known to be large', async () => {
    const moods = (await history()).filter(({ sync }) => sync.state === 'published').slice(-12)
    for (const { id } of moods) await site.app.moods.delete('u1', id)
    forget()
    await site.app.engine.drain()
    const after = await Promise.all(moods.map(({ id }) => site.app.store.moods.byId(id)))
    expect(new Set(after.map((mood) => mood?.sync.state))).toEqual(new Set(['withdrawn']))
    expect(asked).toHaveProperty(['com.atproto.sync.getBlocks'])
    expect(asked).not.toHaveProperty(['com.atproto.sync.getRepo'])
  })

  it('is read whole where nearly everything differs', async () => {
    const moods = await history()
    const expected = new ExpectedRecords()
    for (const { sync } of moods) if (sync.cid !== null) expected.add(`${sync.rkey}x`, { cid: sync.cid, value: {} })
    const found = await site.app.client.compare(account, COLLECTION, { expected })
    expect(found).toMatchObject({ kind: 'ok', value: { size: expect.any(Number) } })
    expect(asked).toMatchObject({ 'com.atproto.sync.getRepo': 1 })
  })
})
