/** Accounts that live elsewhere by their DID documents, against a real PDS, and a PLC directory that says what a test wants. */

import type { RequestListener } from 'node:http'
import { describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { MOVED } from '../../src/domain/moved.ts'
import { COLLECTION } from '../../src/domain/record.ts'
import { checkAccounts } from '../../src/operate/account-check.ts'
import { Events } from '../../src/observe/events.ts'
import { FlaggedAccounts } from '../../src/sync/flagged.ts'
import { readyAccount } from '../support/damage.ts'
import { recordedLog } from '../support/events.ts'
import { TestPlc } from '../support/plc.ts'
import { deactivate, listRecords, takeDown } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

const ELSEWHERE = 'https://elsewhere.example'
/** Anybody's: the example of https://atproto.com/specs/cryptography. */
const OTHER_KEY = {
  id: '#atproto',
  type: 'Multikey',
  controller: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  publicKeyMultibase: 'zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
}
/** Longer than a document is kept. */
const LATER_MS = 11 * 60_000

/** Three users, and the directory that their documents come from. */
async function movingSite(plc: TestPlc): Promise<Site> {
  const env = { PLC_URL: plc.url }
  const site = await signedUpSite(['alice', 'bob', 'carol'], { env })
  plc.target = site.realPlc
  return site
}

async function post({ app }: Site, user: string, text: string): Promise<string> {
  const { mood } = await app.moods.post(user, { mood: text })
  await app.engine.drain()
  return mood.id
}

async function stateOf({ app }: Site, id: string): Promise<string> {
  return (await app.store.moods.byId(id))!.sync.state
}

/** A worker looks at what is refused. */
async function lookAgain({ app }: Site): Promise<void> {
  const { accounts, repos } = app.store
  const events = new Events(recordedLog().log)
  const { host, places, clock } = app
  await new FlaggedAccounts({ accounts, repos, host, places, clock, events }).look()
  await app.engine.drain()
}

describe('an account that has moved', () => {
  it('is not written to where it was, is named with the reason, and resumes once it is back', async () => {
    await using plc = await TestPlc.start()
    await using site = await movingSite(plc)
    const { app } = site
    const { did, pds } = await readyAccount(app, 'u1')
    await post(site, 'u1', 'before')
    plc.move(did, ELSEWHERE)
    site.forward(LATER_MS)
    const id = await post(site, 'u1', 'after')
    const other = await post(site, 'u2', 'of somebody else')
    expect([await stateOf(site, id), await stateOf(site, other)]).toEqual(['pending', 'published'])
    expect(await listRecords(pds, did)).toHaveLength(1)
    expect(await app.store.accounts.byUser('u1')).toMatchObject({
      state: 'needs_attention',
      error: { code: 'Moved', message: `the DID document of the account names ${ELSEWHERE}` },
    })
    const { findings } = await checkAccounts(app, ['u1'], '', () => {}, new AbortController().signal)
    expect(findings.map(({ problem }) => problem)).toEqual(['refused', 'pds_differs'])
    await lookAgain(site)
    expect(await stateOf(site, id)).toBe('pending')
    plc.move(did, null)
    site.forward(LATER_MS)
    await lookAgain(site)
    expect(await stateOf(site, id)).toBe('published')
  })

  it('is found to have moved when its old PDS refuses it, though the document was asked for a moment ago', async () => {
    await using plc = await TestPlc.start()
    await using site = await movingSite(plc)
    const { app } = site
    const { did, pds, credentials } = await readyAccount(app, 'u1')
    await post(site, 'u1', 'before')
    plc.move(did, ELSEWHERE)
    await deactivate(pds, did, await app.sealer.passwordOf(credentials!))
    await post(site, 'u1', 'after')
    expect((await app.store.accounts.byUser('u1'))?.error?.code).toBe('Moved')
    const { receipt } = await app.erasures.request('u1')
    await app.engine.drain()
    expect((await app.erasures.byReceipt(receipt)).done).toMatchObject({
      records_deleted: { needed: false, found: 'moved' },
      forgotten: { needed: true },
    })
  })

  it('is erased without its records only once its document has named another PDS for ten minutes, if its own has it as active', async () => {
    await using plc = await TestPlc.start()
    await using site = await movingSite(plc)
    const { app } = site
    const { did } = await readyAccount(app, 'u1')
    const other = await readyAccount(app, 'u2')
    for (const user of ['u1', 'u2']) await post(site, user, 'before')
    site.forward(LATER_MS)
    for (const moved of [did, other.did]) plc.move(moved, ELSEWHERE)
    const [stays, returns] = [await app.erasures.request('u1'), await app.erasures.request('u2')]
    for (let minute = 0; minute < 9; minute++) {
      await app.engine.drain()
      site.forward(60_000)
      expect((await app.erasures.byReceipt(stays.receipt)).trouble?.code).toBe(MOVED)
    }
    plc.move(other.did, null)
    for (let minute = 9; minute < 13; minute++) {
      await app.engine.drain()
      site.forward(60_000)
    }
    const done = async (receipt: string) => (await app.erasures.byReceipt(receipt)).done
    expect(await done(stays.receipt)).toMatchObject({
      records_deleted: { needed: false, found: 'moved' },
      forgotten: { needed: true },
    })
    expect(await done(returns.receipt)).toMatchObject({
      records_deleted: { needed: true },
      forgotten: { needed: true },
    })
    expect(await listRecords(other.pds, other.did)).toEqual([])
  })

  it('is not taken for moved where its PDS is reached by another address than the one in its document', async () => {
    await using plc = await TestPlc.start()
    await using site = await movingSite(plc)
    const account = await readyAccount(site.app, 'u1')
    await site.app.store.accounts.save({ ...account, pds: account.pds.replace('localhost', '127.0.0.1') })
    const id = await post(site, 'u1', 'by another way')
    expect(await stateOf(site, id)).toBe('published')
    const { findings } = await checkAccounts(site.app, ['u1'], '', () => {}, new AbortController().signal)
    expect(findings).toEqual([])
  })
})

describe('a directory that is out of order', () => {
  it('stops nobody whose place is known, and is not asked with every pass', async () => {
    await using plc = await TestPlc.start()
    await using site = await movingSite(plc)
    const { app } = site
    const { did } = await readyAccount(app, 'u1')
    const odd: Record<string, RequestListener> = {
      'an error': (_, response) => response.writeHead(503).end(),
      'a redirect': (_, response) => response.writeHead(301, { location: ELSEWHERE }).end(),
      'a page': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>sign in</p>'),
      'no such page': (_, response) => response.writeHead(404).end('<p>nothing here</p>'),
      megabytes: (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{'.repeat(3e6)),
      'another document': (_, response) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: 'did:plc:other' })),
      'a lost connection': (request) => request.socket.destroy(),
    }
    for (const [name, answer] of Object.entries(odd)) {
      plc.spoil(answer)
      site.forward(LATER_MS)
      const before = plc.asked[did] ?? 0
      for (const text of ['one', 'two']) {
        expect([name, await stateOf(site, await post(site, 'u1', `${name} ${text}`))]).toEqual([name, 'published'])
      }
      expect([name, (plc.asked[did] ?? 0) - before]).toEqual([name, 1])
    }
    expect((await app.store.accounts.byUser('u1'))?.state).toBe('ready')
  })
})

describe('the key that signs a repo', () => {
  it('is asked for once for many audits, and again where a signature is of another key', async () => {
    await using plc = await TestPlc.start()
    await using site = await movingSite(plc)
    const { app } = site
    const account = await readyAccount(app, 'u1')
    const { did } = account
    const audited = () => app.client.compare(account, COLLECTION, { verify: true })
    site.forward(LATER_MS)
    plc.change(did, (document) => ({ ...document, verificationMethod: [OTHER_KEY] }))
    const before = plc.asked[did] ?? 0
    expect(await audited()).toMatchObject({ kind: 'uncertain', code: 'CarWrongSignature' })
    plc.change(did, (document) => document)
    expect(await audited()).toMatchObject({ kind: 'ok' })
    expect(await audited()).toMatchObject({ kind: 'ok' })
    await post(site, 'u1', 'by the same document')
    expect((plc.asked[did] ?? 0) - before).toBe(3)
  })
})

describe('an account that is refused', () => {
  it('is put back to work when the reason has ended, and says it when there is another reason', async () => {
    await using plc = await TestPlc.start()
    await using site = await movingSite(plc)
    const { app } = site
    const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
    const { did, pds, credentials } = await readyAccount(app, 'u1')
    const refusal = async (): Promise<string | undefined> => (await app.store.accounts.byUser('u1'))?.error?.code
    await takeDown(pds, pdsAdminPassword, did)
    const id = await post(site, 'u1', 'while it is taken down')
    expect(await refusal()).toBe('AccountTakedown')
    await lookAgain(site)
    expect(await refusal()).toBe('AccountTakedown')
    await takeDown(pds, pdsAdminPassword, did, false)
    await lookAgain(site)
    expect([await refusal(), await stateOf(site, id)]).toEqual([undefined, 'published'])
    await deactivate(pds, did, await app.sealer.passwordOf(credentials!))
    await post(site, 'u1', 'while it is to be deleted')
    expect(await refusal()).toBe('AccountDeactivated')
    await app.host.deleteAccount(did)
    await lookAgain(site)
    expect(await refusal()).toBe('RepoNotFound')
  })
})
