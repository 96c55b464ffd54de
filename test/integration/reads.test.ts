/** What is read of a PDS is believed only if it shows what was asked; where one way is closed, another is taken. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isReady, type ReadyAccount } from '../../src/domain/account.ts'
import { COLLECTION } from '../../src/domain/record.ts'
import { DEFAULT_REPO_MB } from '../../src/pds/repo/block-table.ts'
import { auditUser } from '../../src/operate/audit.ts'
import { type Block, blockOf, headerOf, partOf } from '../support/car.ts'
import { type Asked, Gateway, pass } from '../support/gateway.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

interface Said {
  readonly status: number
  readonly body?: unknown
  readonly type?: string
}

type Rule = (asked: Asked) => Said | null

/** Stands before the PDS, and answers in its place where a rule says so. */
class Front implements AsyncDisposable {
  rules: readonly Rule[] = []
  readonly asked: string[] = []
  #gateway!: Gateway

  static async start(target: string): Promise<Front> {
    const front = new Front()
    front.#gateway = await Gateway.start(target, (asked, outgoing) => front.#handle(asked, outgoing))
    return front
  }

  get url(): string {
    return this.#gateway.url
  }

  async #handle(asked: Asked, outgoing: ServerResponse): Promise<void> {
    this.asked.push(asked.method)
    for (const rule of this.rules) {
      const said = rule(asked)
      if (said) {
        const { status, body, type = 'application/json' } = said
        outgoing.writeHead(status, body === undefined ? {} : { 'content-type': type })
        return void outgoing.end(
          typeof body === 'string' || Buffer.isBuffer(body) ? body : body === undefined ? '' : JSON.stringify(body),
        )
      }
    }
    await this.#gateway.forward(asked, (answer) => pass(answer, outgoing))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#gateway[Symbol.asyncDispose]()
  }
}

const GET = 'com.atproto.repo.getRecord'
const LIST = 'com.atproto.repo.listRecords'
const PROOF = 'com.atproto.sync.getRecord'
const REPO = 'com.atproto.sync.getRepo'
const LATEST = 'com.atproto.sync.getLatestCommit'
const REPOS = 'com.atproto.sync.listRepos'

const at =
  (method: string, said: Said, of = ''): Rule =>
  (asked) =>
    asked.method === method && asked.url.includes(of) ? said : null
const page: Said = { status: 403, body: '<h1>Forbidden</h1>', type: 'text/html' }
const off: Said = { status: 501, body: { error: 'MethodNotImplemented', message: 'off' } }
const notFound: Said = { status: 400, body: { error: 'RecordNotFound', message: '' } }

let site: Site
let front: Front
let account: ReadyAccount
/** Record keys and CIDs as the PDS lists them. */
let truth: ReadonlyMap<string, string>
const ABSENT = '2222222222222'

beforeAll(async () => {
  site = await createSite({}, {}, async (url) => (front = await Front.start(url)))
  await site.pds.up()
  await site.app.accounts.signUp('u1', 'alice')
  for (let i = 0; i < 120; i++) await site.app.moods.post('u1', { mood: `mood ${i}` })
  await site.app.engine.drain()
  const made = await site.app.store.accounts.byUser('u1')
  if (!isReady(made)) throw new Error('no account')
  account = made
  const listed = await listRecords(site.realPds, account.did)
  truth = new Map(listed.map(({ uri, cid }) => [uri.split('/').at(-1)!, cid]))
})
afterAll(() => site[Symbol.asyncDispose]())
afterEach(() => {
  front.rules = []
  front.asked.length = 0
})

const client = () => site.app.client
const read = (...rkeys: string[]) => client().read(account, COLLECTION, rkeys)
const key = (i: number): string => [...truth.keys()][i]!
const uri = (rkey: string, did = account.did): string => `at://${did}/${COLLECTION}/${rkey}`
const value = { $type: COLLECTION, text: 'another', createdAt: '2026-01-01T00:00:00.000Z', mongoId: 'x' }
const bogus = 'bafyreib2rxk3rybk3aobmv5cjuql3bm2twh4jo5uxgf5kpqcsgz7soitae'

describe('one record', () => {
  it.each<[string, () => unknown, string]>([
    ['of another key', () => ({ uri: uri(key(1)), value }), 'AnotherRecord'],
    ['of another account', () => ({ uri: uri(key(0), `did:plc:${'b'.repeat(24)}`), value }), 'AnotherRecord'],
    ['of another collection', () => ({ uri: `at://${account.did}/a.b.c/${key(0)}`, value }), 'AnotherRecord'],
    ['whose CID is of other content', () => ({ uri: uri(key(0)), cid: bogus, value }), 'WrongCid'],
    [
      'nested without an end',
      () => `{"uri":"${uri(key(0))}","cid":"${bogus}","value":{"x":${'['.repeat(9_999)}${']'.repeat(9_999)}}}`,
      '',
    ],
  ])('%s is no answer, and the tree decides', async (_what, body, code) => {
    front.rules = [at(GET, { status: 200, body: body() })]
    const answer = await client().get(account, COLLECTION, key(0))
    expect(answer).toMatchObject({ kind: 'uncertain', answered: false, said: expect.any(String) })
    if (code !== '') expect(answer).toMatchObject({ code })
    expect(await read(key(0))).toMatchObject({ kind: 'ok', value: { cids: new Map([[key(0), truth.get(key(0))]]) } })
  })

  it.each<[string, Said]>([
    ['by name', notFound],
    ['as older PDSes put it', { status: 400, body: { error: 'InvalidRequest', message: 'Could not locate record' } }],
    ['by a bare 404', { status: 404 }],
  ])('that is said not to be there, %s, is so if the tree shows the same', async (_what, said) => {
    front.rules = [at(GET, said)]
    const disagree = expect.objectContaining({ code: 'WaysDisagree', answered: false })
    expect(await read(ABSENT, key(0))).toEqual({
      kind: 'ok',
      value: { cids: new Map([[ABSENT, null]]), unread: new Map([[key(0), disagree]]) },
    })
    expect(await client().get(account, COLLECTION, key(0))).toMatchObject({ kind: 'uncertain', code: 'WaysDisagree' })
    expect(await client().get(account, COLLECTION, ABSENT)).toEqual({ kind: 'ok', value: null })
  })

  it.each<[string, Rule[], string]>([
    ['sends no proofs', [at(PROOF, off)], REPO],
    ['says the same by the other method, without a proof', [at(PROOF, notFound)], REPO],
    ['sends neither proofs nor whole repos', [at(PROOF, page), at(REPO, { status: 404 })], LIST],
  ])('is looked for among all where the PDS %s', async (_what, rules, way) => {
    front.rules = [at(GET, notFound), ...rules]
    expect(await read(ABSENT, key(0))).toMatchObject({
      kind: 'ok',
      value: { cids: new Map([[ABSENT, null]]), unread: new Map([[key(0), { code: 'WaysDisagree' }]]) },
    })
    expect(front.asked).toContain(way)
  })

  it('just deleted is asked for by its proof alone', async () => {
    const answer = await client().read(account, COLLECTION, [ABSENT, key(0)], {
      deleted: new Set([ABSENT, key(0)]),
    })
    expect(answer).toMatchObject({
      value: {
        cids: new Map([
          [ABSENT, null],
          [key(0), truth.get(key(0))],
        ]),
      },
    })
    expect(front.asked).toEqual([PROOF, PROOF])
  })
})

describe('a repo as it was earlier', () => {
  it('is not taken for what it is now: its pages are read, and an audit names it', async () => {
    const then = await (await fetch(`${site.realPds}/xrpc/${REPO}?did=${account.did}`)).arrayBuffer()
    const { mood } = await site.app.moods.post('u1', { mood: 'one more' })
    await site.app.engine.drain()
    front.rules = [at(REPO, { status: 200, body: Buffer.from(then), type: 'application/vnd.ipld.car' })]
    const now = new Map([...truth, [mood.sync.rkey, (await site.app.store.moods.byId(mood.id))!.sync.cid]])
    expect(await client().list(account, COLLECTION)).toEqual({ kind: 'ok', value: now })
    expect(await auditUser(site.app, 'u1')).toMatchObject({ kind: 'unreadable', code: 'RepoOutdated' })
    front.rules = []
    expect(await auditUser(site.app, 'u1')).toMatchObject({ kind: 'audited', audit: { findings: [] } })
    await site.app.moods.delete('u1', mood.id)
    await site.app.engine.drain()
    expect(await client().list(account, COLLECTION)).toEqual({ kind: 'ok', value: truth })
  })
})

describe('a repo that is not sent whole', () => {
  it.each<[string, Said]>([
    ['501', off],
    ['404', { status: 404, body: { error: 'XRPCNotSupported', message: '' } }],
    ['a bare 404', { status: 404 }],
    ['a page of 403', page],
  ])('but answered with %s, is read in pages, and audited', async (_what, said) => {
    front.rules = [at(REPO, said)]
    expect(await client().list(account, COLLECTION)).toEqual({ kind: 'ok', value: truth })
    const audit = await auditUser(site.app, 'u1')
    expect(audit).toMatchObject({ kind: 'audited', rev: expect.stringMatching(/^[2-7a-z]{13}$/) })
    expect(audit).toMatchObject({ audit: { findings: [], counts: { synced: 120 } } })
  })

  it('is read twice where its revision cannot be asked for', async () => {
    front.rules = [at(REPO, off), at(LATEST, off)]
    const compared = await client().compare(account, COLLECTION)
    expect(compared).toMatchObject({ kind: 'ok', value: { rev: null } })
    expect(front.asked.filter((method) => method === LIST)).toHaveLength(6)
  })

  it('is not taken for one whose signature was checked', async () => {
    front.rules = [at(REPO, off)]
    expect(await client().compare(account, COLLECTION, { verify: true })).toMatchObject({
      kind: 'rejected',
      code: 'NoSignature',
    })
  })

  const listed = (rkeys: readonly string[], cursor?: string): Said => {
    const records = rkeys.map((rkey) => ({ uri: uri(rkey), cid: bogus, value }))
    return { status: 200, body: { records, ...(cursor === undefined ? {} : { cursor }) } }
  }
  const again: Rule = ({ method, url }) => (method === LIST && url.includes('cursor') ? firstPage : null)
  let firstPage: Said
  beforeAll(async () => {
    const query = `repo=${account.did}&collection=${COLLECTION}&limit=100`
    const body = (await (await fetch(`${site.realPds}/xrpc/${LIST}?${query}`)).json()) as object
    firstPage = { status: 200, body }
  })

  it.each<[string, () => Rule, string]>([
    ['come twice', () => again, 'RecordsOutOfOrder'],
    ['are never the last', () => at(LIST, listed([], '1')), 'CursorRepeats'],
    ['have CIDs of other content', () => at(LIST, listed([key(0)])), 'WrongCid'],
    [
      'are of another account',
      () => at(LIST, { status: 200, body: { records: [{ uri: uri(key(0), 'did:plc:x'), cid: bogus, value }] } }),
      '',
    ],
    ['cannot be had', () => at(LIST, page), 'MethodNotImplemented'],
  ])('is named, and not read, when its pages %s', async (_what, rule, code) => {
    front.rules = [at(REPO, off), rule()]
    const audit = await auditUser(site.app, 'u1')
    expect(audit).toMatchObject({ kind: 'unreadable' })
    expect(front.asked.length).toBeLessThan(9)
    front.asked.length = 0
    const list = await client().list(account, COLLECTION)
    expect(list).toMatchObject({ kind: 'uncertain', answered: true })
    if (code === '') return
    // What the whole repo was refused for is told, since the pages stand in for it.
    expect(list).toMatchObject({ code: 'MethodNotImplemented' })
  })
})

describe('the repos of a host', () => {
  const did = (i: number): string => `did:plc:${String(i).padStart(24, 'a')}`.replaceAll(/[0189]/g, 'b')
  const repos = (from: number, cursor: string): Said => {
    const one = { did: did(from), head: bogus, rev: '3kmm22222222a', active: true }
    return { status: 200, body: { repos: [one], cursor } }
  }

  it.each<[string, Rule, string]>([
    ['with one cursor for ever', at(REPOS, { status: 200, body: { repos: [], cursor: '1' } }), 'CursorRepeats'],
    ['with one page for ever', at(REPOS, repos(2, '1')), 'CursorRepeats'],
    [
      'in a circle',
      ({ method, url }) =>
        method === REPOS ? repos(url.includes('cursor=a') ? 3 : 2, url.includes('cursor=a') ? 'b' : 'a') : null,
      'CursorRepeats',
    ],
  ])('%s are not read for ever', async (_what, rule, code) => {
    front.rules = [rule]
    expect(await client().revisions(front.url)).toMatchObject({ kind: 'uncertain', code, answered: false })
    expect(front.asked.filter((method) => method === REPOS).length).toBeLessThan(5)
  })
})

describe('a mood whose record cannot be read', () => {
  it('waits alone, and is withdrawn once it can', async () => {
    const { app } = site
    const ids: string[] = []
    await app.accounts.signUp('u2', 'bob')
    for (let i = 0; i < 3; i++) ids.push((await app.moods.post('u2', { mood: `of bob ${i}` })).mood.id)
    await app.engine.drain()
    const rkeyOf = async (id: string) => (await app.store.moods.byId(id))!.sync.rkey
    const stateOf = async (id: string) => (await app.store.moods.byId(id))!.sync.state
    const spoiled = await rkeyOf(ids[0]!)
    front.rules = [at(GET, page, spoiled), at(PROOF, page, spoiled), at(REPO, page), at(LIST, page)]
    for (const id of ids.slice(0, 2)) await app.moods.delete('u2', id)
    await app.engine.drain()
    const { id: posted } = (await app.moods.post('u2', { mood: 'another' })).mood
    await app.engine.drain()
    // A page makes the host one that is probed first; that takes no time of the others.
    for (let i = 0; i < 5; i++) {
      site.forward(2_000)
      await app.engine.drain()
    }
    expect(await Promise.all([...ids, posted].map(stateOf))).toEqual(['pending', 'withdrawn', 'published', 'published'])
    front.rules = []
    site.forward(60_000)
    await app.engine.drain()
    expect(await stateOf(ids[0]!)).toBe('withdrawn')
  })
})

describe('a repo without an end', () => {
  const program = `
    import { PdsClient } from './src/pds/client.ts'
    import { limitsOf } from './src/pds/repo/block-table.ts'
    import { Xrpc } from './src/pds/xrpc.ts'
    const client = new PdsClient(null, new Xrpc({ now: () => Date.now() }, { timeoutMs: 5000, bypassKey: null }, null), null, limitsOf(Number(process.argv[2])))
    const repo = { did: 'did:plc:${'a'.repeat(24)}', pds: process.argv[1] }
    let turns = 0
    setInterval(() => turns++, 10)
    const answer = await client.compare(repo, 'a.b.c')
    console.log(JSON.stringify({ code: answer.code, turns, megabytes: process.resourceUsage().maxRSS / 1000 }))
    process.exit()
  `

  it.each<[string, number, (i: number) => Block]>([
    ['of records', 50, (i) => blockOf({ $type: COLLECTION, text: `mood ${i}`, mongoId: 'x'.repeat(120) })],
    ['of large blocks', DEFAULT_REPO_MB, (i) => blockOf({ i, text: 'x'.repeat(900_000) })],
  ])(
    '%s is given up with a named reason, in little memory and with others having their turn',
    async (_what, mb, block) => {
      const server = createServer((request, response) => {
        if (request.url!.includes('getRepo')) {
          response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' })
          return void pipeline(Readable.from(endless(block)), response).catch(() => {})
        }
        const body = JSON.stringify({ did: 'did:web:pds.example', availableUserDomains: [] })
        response.writeHead(200, { 'content-type': 'application/json' }).end(body)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const started = performance.now()
      const args = ['--input-type=module', '-e', program, url, String(mb)]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      const { code, turns, megabytes } = JSON.parse(stdout) as { code: string; turns: number; megabytes: number }
      expect(code).toMatch(/^(CarTooLarge|CarTooManyBlocks|CarTooSlow)$/)
      expect(megabytes).toBeLessThan(400)
      expect(turns).toBeGreaterThan(20)
      expect(performance.now() - started).toBeLessThan(40_000)
      server.closeAllConnections()
      server.close()
    },
  )

  /** Blocks that all differ, a megabyte of them at a time. */
  function* endless(block: (i: number) => Block): Generator<Buffer> {
    yield headerOf([blockOf({})])
    for (let i = 0; ;) {
      const parts: Buffer[] = []
      for (let size = 0; size < 1_000_000; i++) size += parts[parts.push(partOf(block(i))) - 1]!.length
      yield Buffer.concat(parts)
    }
  }
})
