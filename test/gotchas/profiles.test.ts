/**
 * The profiles of other PDSes do what their models do, and otherwise what the reference PDS does: asked over plain HTTP, without
 * code of the product between the test and the server.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { type Network, startNetwork } from '../../src/embedded/network.ts'
import { choosePorts } from '../../src/embedded/tcp-ports.ts'
import { temporaryFolder } from '../support/installation.ts'
import { LONGEST_BODY, MOST_WRITES, type Profile, PROFILES, ProfileProxy } from '../support/profiles.ts'

const COLLECTION = 'computer.aesthetic.mood'
const record = (text: string) => ({ $type: COLLECTION, text, createdAt: '2026-01-01T00:00:00.000Z' })

interface Answer {
  readonly status: number
  /** Of an XRPC error, its name; of text, `text`; of what went well, `null`. */
  readonly error: unknown
  readonly body: Record<string, unknown>
}

/** What each column of the table says: the text that is there afterwards, or the error. */
interface Row {
  /** putRecord with `swapRecord: null` over a record of another content. */
  readonly nullOverOther: string
  /** The same over a record of the same content. */
  readonly nullOverSame: string
  /** putRecord with the CID of another record. */
  readonly wrongCid: string
  readonly rightCid: string
  /** applyWrites that creates a new record, and one that creates what exists. */
  readonly batch: string
  readonly batchOverOther: string
  /** applyWrites that creates eleven records, and one of more than 20 kB in all; what is found is one of them. */
  readonly many: string
  readonly long: string
  readonly createOverOther: string
  readonly deleteNothing: string
  readonly getBlocks: string
}

const REFERENCE: Row = {
  nullOverOther: '400 InvalidSwap',
  nullOverSame: '200 first',
  wrongCid: '400 InvalidSwap',
  rightCid: '200 second',
  batch: '200 second',
  batchOverOther: '500 InternalServerError',
  many: '200 second',
  long: '200 second',
  createOverOther: '500 InternalServerError',
  deleteNothing: '200',
  getBlocks: '200',
}

/** How each profile differs from the reference PDS. */
const ROWS: Readonly<Record<Profile, Partial<Row>>> = {
  'drops-swap': {
    nullOverOther: '200 second',
    wrongCid: '200 second',
    batchOverOther: '200 second',
    createOverOther: '200 second',
  },
  'null-means-absent': {
    nullOverOther: '200 second',
    batchOverOther: '400 InvalidRequest',
    createOverOther: '400 InvalidRequest',
  },
  'create-only-put': {
    nullOverSame: '400 InvalidSwap',
    batchOverOther: '400 InvalidSwap',
    createOverOther: '400 InvalidSwap',
    deleteNothing: '400 InvalidSwap',
  },
  '409-exists': {
    nullOverOther: '200 second',
    wrongCid: '200 second',
    batchOverOther: '409 RecordAlreadyExists',
    createOverOther: '409 RecordAlreadyExists',
  },
  'plain-text-errors': {
    nullOverOther: '400 text',
    wrongCid: '400 text',
    batchOverOther: '500 text',
    createOverOther: '500 text',
  },
  'no-batches': {
    batch: '501 MethodNotImplemented',
    batchOverOther: '404 NotFound',
    many: '501 MethodNotImplemented',
    long: '404 NotFound',
  },
  'no-getBlocks': { getBlocks: '501 MethodNotImplemented' },
  'refuses-swap': {
    nullOverOther: '200 second',
    wrongCid: '400 text',
    rightCid: '400 text',
    batch: '501 text',
    batchOverOther: '404 text',
    many: '501 text',
    long: '404 text',
    createOverOther: '200 second',
  },
  'small-batches': { many: '400 InvalidRequest' },
  'small-bodies': { long: '413 text' },
  'coded-errors': { nullOverOther: '409 {"code":"InvalidSwap"}', wrongCid: '409 {"code":"InvalidSwap"}' },
}

const stack = new AsyncDisposableStack()
let network: Network
let repo: string
let token: string

beforeAll(async () => {
  const folder = new DataFolder(stack.use(await temporaryFolder()).path)
  folder.checkWritable()
  const secrets = folder.secrets()
  const ports = await choosePorts(folder, { pds: 0, plc: 0 })
  network = stack.use(await startNetwork({ folder, ports, secrets, rateLimits: false }))
  const authorization = `Basic ${Buffer.from(`admin:${secrets.pdsAdminPassword}`).toString('base64')}`
  const { body } = await post(network.pdsUrl, 'com.atproto.server.createInviteCode', { useCount: 1 }, authorization)
  const account = { handle: 'alice.test', email: 'alice@example.com', password: 'secret', inviteCode: body['code'] }
  const made = await post(network.pdsUrl, 'com.atproto.server.createAccount', account, '')
  repo = String(made.body['did'])
  token = `Bearer ${String(made.body['accessJwt'])}`
})
afterAll(() => stack.disposeAsync())

async function answerOf(response: Response): Promise<Answer> {
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  const text = Buffer.from(await response.arrayBuffer()).toString()
  const body = isJson && text !== '' ? (JSON.parse(text) as Answer['body']) : {}
  return { status: response.status, error: response.ok ? null : isJson ? body['error'] : 'text', body }
}

async function post(pds: string, method: string, body: unknown, authorization = token): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...(authorization === '' ? {} : { authorization }) }
  return answerOf(await fetch(`${pds}/xrpc/${method}`, { method: 'POST', headers, body: JSON.stringify(body) }))
}

/** `200 first`: it went well, and that is there now; `400 InvalidSwap`: it was refused, and nothing has changed. */
async function tried(pds: string, rkey: string, answer: Answer): Promise<string> {
  const query = new URLSearchParams({ repo, collection: COLLECTION, rkey })
  const found = await answerOf(await fetch(`${network.pdsUrl}/xrpc/com.atproto.repo.getRecord?${query.toString()}`))
  const text = (found.body['value'] as { text?: string } | undefined)?.text
  if (answer.error === null) return `200${text === undefined ? '' : ` ${text}`}`
  expect(text, `${pds} ${rkey}`).toBe(/-(batch|nothing|many|long)$/.test(rkey) ? undefined : 'first')
  return named(answer)
}

function named({ status, error }: Answer): string {
  if (error === null) return String(status)
  return `${status} ${typeof error === 'string' ? error : JSON.stringify(error)}`
}

/** Tries every column of the table. */
async function rowOf(pds: string, name: string): Promise<Row> {
  const key = (column: string): string => `${name}-${column}`
  const put = (rkey: string, text: string, more: object = {}): Promise<Answer> => {
    return post(pds, 'com.atproto.repo.putRecord', {
      repo,
      collection: COLLECTION,
      rkey,
      record: record(text),
      ...more,
    })
  }
  const create = (rkey: string): Promise<Answer> => {
    const write = { $type: 'com.atproto.repo.applyWrites#create', collection: COLLECTION, rkey }
    return post(pds, 'com.atproto.repo.applyWrites', { repo, writes: [{ ...write, value: record('second') }] })
  }
  const createSeveral = (rkey: string, count: number, text: string): Promise<Answer> => {
    const writes = Array.from({ length: count }, (_, i) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: COLLECTION,
      rkey: i === 0 ? rkey : `${rkey}-${i}`,
      value: record(i === 0 ? 'second' : text),
    }))
    return post(pds, 'com.atproto.repo.applyWrites', { repo, writes })
  }
  const existing = async (column: string): Promise<{ rkey: string; cid: unknown }> => {
    const rkey = key(column)
    const answer = await put(rkey, 'first')
    expect(answer.status, rkey).toBe(200)
    return { rkey, cid: answer.body['cid'] }
  }
  const over = async (column: string, write: (rkey: string, cid: unknown) => Promise<Answer>): Promise<string> => {
    const { rkey, cid } = await existing(column)
    return tried(pds, rkey, await write(rkey, cid))
  }
  const other = (await existing('other')).cid
  const wrong = (await put(key('other'), 'third')).body['cid']
  const blocks = new URLSearchParams({ did: repo, cids: String(wrong) })
  const deletion = { repo, collection: COLLECTION, rkey: key('nothing') }
  const getBlocks = await answerOf(await fetch(`${pds}/xrpc/com.atproto.sync.getBlocks?${blocks.toString()}`))
  expect(other).not.toBe(wrong)
  return {
    nullOverOther: await over('null-other', (rkey) => put(rkey, 'second', { swapRecord: null })),
    nullOverSame: await over('null-same', (rkey) => put(rkey, 'first', { swapRecord: null })),
    wrongCid: await over('wrong-cid', (rkey) => put(rkey, 'second', { swapRecord: wrong })),
    rightCid: await over('right-cid', (rkey, cid) => put(rkey, 'second', { swapRecord: cid })),
    batch: await tried(pds, key('batch'), await create(key('batch'))),
    batchOverOther: await over('batch-over', create),
    many: await tried(pds, key('many'), await createSeveral(key('many'), MOST_WRITES + 1, 'x')),
    long: await tried(pds, key('long'), await createSeveral(key('long'), 2, 'x'.repeat(LONGEST_BODY))),
    createOverOther: await over('create-over', (rkey) => {
      const body = { repo, collection: COLLECTION, rkey, record: record('second') }
      return post(pds, 'com.atproto.repo.createRecord', body)
    }),
    deleteNothing: await tried(pds, key('nothing'), await post(pds, 'com.atproto.repo.deleteRecord', deletion)),
    getBlocks: named(getBlocks),
  }
}

describe('the reference PDS and the profiles', () => {
  it('the reference PDS does what the profiles are compared with', async () => {
    expect(await rowOf(network.pdsUrl, 'reference')).toEqual(REFERENCE)
  })

  it.each(PROFILES)('%s', async (profile) => {
    await using proxy = await ProfileProxy.start(profile, network.pdsUrl)
    expect(await rowOf(proxy.url, profile)).toEqual({ ...REFERENCE, ...ROWS[profile] })
  })
})
