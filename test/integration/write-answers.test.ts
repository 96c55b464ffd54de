/** What a write's answer must say to be believed: here something in front of the real PDS answers in its place. */

import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COLLECTION } from '../../src/domain/record.ts'
import { type Asked, Gateway, pass } from '../support/gateway.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

type Lie = (asked: Asked, outgoing: ServerResponse) => unknown
type Sent = Record<string, unknown>

const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

let site: Site
let gateway: Gateway
/** Answers these methods; null where the PDS does. */
let lie: { readonly methods: readonly string[]; readonly answer: Lie } | null = null
let users = 0

beforeAll(async () => {
  const front = async (pdsUrl: string): Promise<Gateway> => {
    gateway = await Gateway.start(pdsUrl, (asked, outgoing) => {
      if (lie?.methods.some((method) => asked.method === `com.atproto.repo.${method}`)) lie.answer(asked, outgoing)
      else void gateway.forward(asked, (answer) => pass(answer, outgoing))
    })
    return gateway
  }
  site = await createSite({}, {}, front)
  await site.pds.up()
})
afterAll(() => site[Symbol.asyncDispose]())

const says =
  (status: number, type: string, body: string): Lie =>
  (_asked, outgoing) =>
    outgoing.writeHead(status, { 'content-type': type }).end(body)
const json =
  (bodyOf: (sent: Sent) => unknown): Lie =>
  (asked, outgoing) =>
    says(200, 'application/json', JSON.stringify(bodyOf(JSON.parse(asked.body.toString()) as Sent)))(asked, outgoing)
const uri = (repo: unknown, rkey: unknown, collection = COLLECTION): string =>
  `at://${String(repo)}/${collection}/${String(rkey)}`

/** What the PDS would say of a write that it was never sent, changed as the case will have it. */
const results = (change: (all: object[], { repo, writes }: { repo: unknown; writes: Sent[] }) => unknown[]): Lie =>
  json((sent) => {
    const writes = sent['writes'] as Sent[]
    const all = writes.map(({ rkey }) => {
      return { $type: 'com.atproto.repo.applyWrites#createResult', uri: uri(sent['repo'], rkey), cid: CID }
    })
    return { results: change(all, { repo: sent['repo'], writes }) }
  })

const PORTAL: readonly [string, Lie][] = [
  ['a portal, as JSON', json(() => ({ status: 'login required' }))],
  ['a portal, as a page', says(200, 'text/html', '<!doctype html><title>Sign in</title>')],
  ['nothing at all', (_asked, outgoing) => outgoing.writeHead(204).end()],
  ['an empty object', json(() => ({}))],
  ['a list', json(() => [])],
]

const ONE: readonly [string, Lie][] = [
  ...PORTAL,
  ['the record of another repo', json(({ rkey }) => ({ uri: uri('did:plc:other', rkey), cid: CID }))],
  ['another record of the repo', json(({ repo }) => ({ uri: uri(repo, '3kmm22222222a'), cid: CID }))],
  ['a record of another collection', json(({ repo, rkey }) => ({ uri: uri(repo, rkey, 'a.b.c'), cid: CID }))],
  ['its record, with another content', json(({ repo, rkey }) => ({ uri: uri(repo, rkey), cid: CID }))],
  ['its record, with no CID', json(({ repo, rkey }) => ({ uri: uri(repo, rkey), cid: 7 }))],
]

const MANY: readonly [string, Lie][] = [
  ...PORTAL,
  ['no results', results(() => [])],
  ['fewer results than were sent', results((all) => all.slice(1))],
  ['more results than were sent', results((all) => [...all, ...all])],
  ['results of other contents', results((all) => all)],
  ['results without a form', results((all) => all.map(() => ({})))],
]

async function newUser(): Promise<{ readonly user: string; readonly did: string }> {
  const user = `user-${++users}`
  await site.app.accounts.signUp(user, `believer-${users}`)
  await site.app.engine.drain()
  return { user, did: (await site.app.store.accounts.byUser(user))!.did! }
}

const statesOf = async (ids: readonly string[]): Promise<unknown[]> =>
  Promise.all(ids.map(async (id) => (await site.app.store.moods.byId(id))?.sync.state))

/** Lets the engine work while the answers are lies, and then, when nothing can be in flight any more, while they are true. */
async function lied(methods: readonly string[], answer: Lie, during: () => Promise<void>): Promise<void> {
  lie = { methods, answer }
  await site.app.engine.drain()
  lie = null
  await during()
  for (let i = 0; i < 6; i++) {
    site.forward(20_000)
    await site.app.engine.drain()
  }
}

describe('a write is believed only if the answer speaks of what was sent', () => {
  it.each(ONE)('one mood: %s', async (_what, answer) => {
    const { user, did } = await newUser()
    const { mood } = await site.app.moods.post(user, { mood: 'believe me' })
    await lied(['putRecord'], answer, async () => {
      expect(await statesOf([mood.id])).toEqual(['pending'])
      expect(await listRecords(site.realPds, did)).toEqual([])
    })
    expect(await statesOf([mood.id])).toEqual(['published'])
    expect(await listRecords(site.realPds, did)).toHaveLength(1)
    expect((await site.app.store.accounts.byUser(user))?.state).toBe('ready')
  })

  it.each(MANY)('several moods: %s', async (_what, answer) => {
    const { user, did } = await newUser()
    const ids: string[] = []
    for (const text of ['one', 'two', 'three']) ids.push((await site.app.moods.post(user, { mood: text })).mood.id)
    await lied(['applyWrites', 'putRecord'], answer, async () => {
      expect(await statesOf(ids)).toEqual(['pending', 'pending', 'pending'])
      expect(await listRecords(site.realPds, did)).toEqual([])
    })
    expect(await statesOf(ids)).toEqual(['published', 'published', 'published'])
    expect(await listRecords(site.realPds, did)).toHaveLength(3)
  })

  it.each(PORTAL)('a deletion: %s', async (_what, answer) => {
    const { user, did } = await newUser()
    const { mood } = await site.app.moods.post(user, { mood: 'regretted' })
    await site.app.engine.drain()
    await site.app.moods.delete(user, mood.id, 'withdraw')
    await lied(['deleteRecord'], answer, async () => {
      expect(await statesOf([mood.id])).toEqual(['pending'])
      expect(await listRecords(site.realPds, did)).toHaveLength(1)
    })
    expect(await statesOf([mood.id])).toEqual(['withdrawn'])
    expect(await listRecords(site.realPds, did)).toEqual([])
  })

  it('an answer without results to a batch that was carried out is no reason to write it twice', async () => {
    const { user, did } = await newUser()
    const ids: string[] = []
    for (const text of ['one', 'two', 'three']) ids.push((await site.app.moods.post(user, { mood: text })).mood.id)
    const done: Lie = (asked, outgoing) =>
      gateway.forward(asked, (answer) => {
        answer.resume()
        outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      })
    await lied(['applyWrites'], done, async () => {
      expect(await statesOf(ids)).toEqual(['pending', 'pending', 'pending'])
    })
    expect(await statesOf(ids)).toEqual(['published', 'published', 'published'])
    expect(await listRecords(site.realPds, did)).toHaveLength(3)
  })
})
