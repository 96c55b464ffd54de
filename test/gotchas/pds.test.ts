/** What the reference PDS does that surprises, asked over plain HTTP: no code of the product between the test and the PDS. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { type Network, startNetwork } from '../../src/embedded/network.ts'
import { choosePorts } from '../../src/embedded/tcp-ports.ts'
import { temporaryFolder } from '../support/installation.ts'
import { eventually } from '../support/repo.ts'

const COLLECTION = 'computer.aesthetic.mood'
const MOOD = { $type: COLLECTION, text: 'calm', createdAt: '2026-01-01T00:00:00.000Z' }

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

const stack = new AsyncDisposableStack()
let network: Network
let adminPassword: string
let repo: string
let token: string

beforeAll(async () => {
  const folder = new DataFolder(stack.use(await temporaryFolder()).path)
  folder.checkWritable()
  const secrets = folder.secrets()
  adminPassword = secrets.pdsAdminPassword
  const ports = await choosePorts(folder, { pds: 0, plc: 0 })
  network = stack.use(await startNetwork({ folder, ports, secrets, rateLimits: false }))
  const account = await signUp('alice')
  repo = String(account.body['did'])
  token = String(account.body['accessJwt'])
})
afterAll(() => stack.disposeAsync())

async function call(method: string, body: unknown, authorization: string | null = `Bearer ${token}`): Promise<Answer> {
  const response = await fetch(`${network.pdsUrl}/xrpc/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization === null ? {} : { authorization }) },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
}

async function query(method: string, params: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${network.pdsUrl}/xrpc/${method}?${new URLSearchParams(params).toString()}`)
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const admin = (): string => `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`

async function signUp(name: string): Promise<Answer> {
  const { body } = await call('com.atproto.server.createInviteCode', { useCount: 1 }, admin())
  const account = { handle: `${name}.test`, email: `${name}@example.com`, password: 'secret', inviteCode: body['code'] }
  return call('com.atproto.server.createAccount', account, null)
}

const put = (rkey: string, more: Record<string, unknown> = {}): Promise<Answer> =>
  call('com.atproto.repo.putRecord', { repo, collection: COLLECTION, rkey, record: MOOD, ...more })

const applyWrites = (writes: readonly Record<string, unknown>[]): Promise<Answer> => {
  const operations = writes.map(({ action, ...write }) => ({
    $type: `com.atproto.repo.applyWrites#${String(action)}`,
    collection: COLLECTION,
    ...write,
  }))
  return call('com.atproto.repo.applyWrites', { repo, writes: operations })
}

const revision = async (): Promise<unknown> =>
  (await query('com.atproto.sync.getLatestCommit', { did: repo })).body['rev']

const get = (rkey: string): Promise<Answer> =>
  query('com.atproto.repo.getRecord', { repo, collection: COLLECTION, rkey })

describe('putRecord', () => {
  it('with swapRecord null creates, and never replaces', async () => {
    expect((await put('create-only', { swapRecord: null })).status).toBe(200)
    const other = await put('create-only', { swapRecord: null, record: { ...MOOD, text: 'other' } })
    expect(other).toMatchObject({ status: 400, body: { error: 'InvalidSwap' } })
    expect((await get('create-only')).body).toMatchObject({ value: { text: 'calm' } })
  })

  it('of the same content succeeds without a commit', async () => {
    await put('same')
    const before = await revision()
    expect((await put('same', { swapRecord: null })).status).toBe(200)
    expect(await revision()).toBe(before)
  })

  it('validates only lexicons that the PDS was built with', async () => {
    expect(await put('validated', { validate: true })).toMatchObject({ status: 400, body: { error: 'InvalidRequest' } })
    const nonsense = await put('nonsense', { record: { $type: COLLECTION, text: 7, createdAt: 'never' } })
    expect(nonsense).toMatchObject({ status: 200, body: { validationStatus: 'unknown' } })
  })
})

describe('a request whose sender has gone', () => {
  it('is carried out all the same', async () => {
    const body = JSON.stringify({ repo, collection: COLLECTION, rkey: 'late', record: MOOD })
    const head = [
      'POST /xrpc/com.atproto.repo.putRecord HTTP/1.1',
      'host: localhost',
      `authorization: Bearer ${token}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
    ]
    const socket = connect(Number(new URL(network.pdsUrl).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
    await once(socket, 'close')
    await eventually('the record', async () => (await get('late')).status === 200)
    expect((await get('late')).body).toMatchObject({ value: MOOD })
  })
})

describe('createRecord', () => {
  it('of a key that exists answers 500 without a reason', async () => {
    await put('taken')
    const again = { repo, collection: COLLECTION, rkey: 'taken', record: MOOD }
    expect(await call('com.atproto.repo.createRecord', again)).toMatchObject({
      status: 500,
      body: { error: 'InternalServerError' },
    })
  })
})

describe('deleteRecord', () => {
  it('of a record that does not exist succeeds without a commit', async () => {
    const before = await revision()
    const answer = await call('com.atproto.repo.deleteRecord', { repo, collection: COLLECTION, rkey: 'never' })
    expect(answer.status).toBe(200)
    expect(await revision()).toBe(before)
  })
})

describe('applyWrites', () => {
  it('answers 500 and applies nothing when one delete finds no record', async () => {
    const writes = [
      { action: 'create', rkey: 'beside-a-bad-one', value: MOOD },
      { action: 'delete', rkey: 'never' },
    ]
    expect((await applyWrites(writes)).status).toBe(500)
    expect((await get('beside-a-bad-one')).status).toBe(400)
  })

  it('takes 200 writes and refuses 201', async () => {
    const creates = (n: number, name: string): Record<string, unknown>[] =>
      Array.from({ length: n }, (_, i) => ({ action: 'create', rkey: `${name}-${i}`, value: MOOD }))
    expect((await applyWrites(creates(201, 'many'))).status).toBe(400)
    expect((await applyWrites(creates(200, 'fits'))).status).toBe(200)
  })
})

describe('listRecords', () => {
  it('gives a cursor with the last page too, and refuses pages of more than 100', async () => {
    const params = { repo, collection: COLLECTION }
    expect((await query('com.atproto.repo.listRecords', { ...params, limit: '101' })).status).toBe(400)
    let pages = 0
    for (let cursor: unknown = ''; cursor !== undefined; pages++) {
      const page = { ...params, limit: '100', ...(cursor ? { cursor: cursor as string } : {}) }
      const { body } = await query('com.atproto.repo.listRecords', page)
      // Only an empty page comes without a cursor, so the page before it could not tell that it was the last.
      expect((body['records'] as unknown[]).length > 0).toBe(body['cursor'] !== undefined)
      cursor = body['cursor']
    }
    expect(pages).toBeGreaterThan(2)
  })
})

describe('an account', () => {
  it('cannot be created twice: a retry is told that the handle is taken', async () => {
    await signUp('carol')
    expect(await signUp('carol')).toMatchObject({ status: 400, body: { message: 'Handle already taken: carol.test' } })
  })

  it('that is taken down has no records to list, rather than none', async () => {
    const did = String((await signUp('dora')).body['did'])
    const takedown = { subject: { $type: 'com.atproto.admin.defs#repoRef', did }, takedown: { applied: true } }
    expect((await call('com.atproto.admin.updateSubjectStatus', takedown, admin())).status).toBe(200)
    const listed = await query('com.atproto.repo.listRecords', { repo: did, collection: COLLECTION })
    expect(listed).toMatchObject({ status: 400, body: { message: expect.stringContaining('Could not find repo') } })
    expect(await query('com.atproto.sync.getRepoStatus', { did })).toMatchObject({
      status: 200,
      body: { active: false, status: 'takendown' },
    })
  })

  it('can be deleted again and again by the administrator, and its DID stays in the directory', async () => {
    const did = String((await signUp('erin')).body['did'])
    for (let i = 0; i < 2; i++) {
      expect((await call('com.atproto.admin.deleteAccount', { did }, admin())).status).toBe(200)
    }
    expect((await query('com.atproto.sync.getRepoStatus', { did })).body).toMatchObject({ error: 'RepoNotFound' })
    expect((await fetch(`${network.plcUrl}/${did}`)).status).toBe(200)
  })

  it('keeps several refresh tokens alive: the same one may be used twice', async () => {
    const { body } = await call('com.atproto.server.createSession', { identifier: 'alice.test', password: 'secret' })
    for (let i = 0; i < 2; i++) {
      const refreshed = await fetch(`${network.pdsUrl}/xrpc/com.atproto.server.refreshSession`, {
        method: 'POST',
        headers: { authorization: `Bearer ${String(body['refreshJwt'])}` },
      })
      expect(refreshed.status).toBe(200)
    }
  })
})
