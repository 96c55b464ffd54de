/** Being forgotten, against the real PDS. */

import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import type { ErasureView } from '../../src/http/contract.ts'
import { startApp, temporaryFolder, Visitor } from '../support/installation.ts'
import { primaryOf } from '../support/primary.ts'
import { listRecords, putStray } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'

const FORGET = '/api/delete-erase-and-forget-me'

function states(view: ErasureView): Record<string, string> {
  return Object.fromEntries(view.steps.map((step) => [step.name, step.state]))
}

async function didOf(app: App, user: string): Promise<string> {
  return (await app.store.accounts.byUser(user))!.did!
}

describe('erasure', () => {
  it('an erasure removes the texts at once, then every record, strays too, and then the account', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const alice = await new Visitor(app.address).as('alice')
    const bob = await new Visitor(app.address).as('bob')
    await bob.post('bob stays')
    for (let i = 0; i < 12; i++) await alice.post(`personal ${i}`)
    await alice.post('very personal', { isPrivate: true })
    await app.engine.drain()
    const did = await didOf(app, 'trial|alice')
    await putStray(app, did, { $type: 'computer.aesthetic.mood', text: 'personal, of another client' })
    expect(await listRecords(app.pdsUrl, did)).toHaveLength(13)

    const { status, body } = await alice.send<ErasureView>(FORGET, {})
    expect(status).toBe(202)
    expect(body.receipt).toMatch(/^[0-9a-f]{32}$/)
    expect(states(body)).toMatchObject({ stopped: 'done', texts_removed: 'done', records_deleted: 'waiting' })
    expect(await primaryOf(folder.path).everything()).not.toContain('personal')
    expect((await alice.send<ErasureView>(FORGET, {})).body.receipt).toBe(body.receipt)
    expect(await alice.send('/api/mood', { mood: 'more' })).toMatchObject({
      status: 409,
      body: { error: 'being_erased' },
    })
    expect(await alice.send('/api/signup', { handle: 'alice' })).toMatchObject({ status: 409 })

    await app.engine.drain()
    expect(await listRecords(app.pdsUrl, did)).toEqual([])
    const after = await new Visitor(app.address).send<ErasureView>(`/api/erasures/${body.receipt}`)
    expect(after).toMatchObject({ status: 200, body: { state: 'done' } })
    expect(states(after.body)).toEqual({
      stopped: 'done',
      texts_removed: 'done',
      records_deleted: 'done',
      repo_verified: 'done',
      account_deleted: 'not_needed',
      forgotten: 'done',
    })
    const left = await primaryOf(folder.path).everything()
    expect(left).not.toMatch(/alice|personal/)
    expect(left).not.toContain(did)
    expect(JSON.stringify(after.body)).not.toMatch(/alice|did:/)
    expect(await listRecords(app.pdsUrl, await didOf(app, 'trial|bob'))).toHaveLength(1)
  })

  it.each(['true', 'false'])('an erased user can sign up again, accounts erased: %s', async (erased) => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve', env: { ERASE_PDS_ACCOUNT: erased } })
    const alice = await new Visitor(app.address).as('alice')
    await alice.post('before')
    await app.engine.drain()
    const did = await didOf(app, 'trial|alice')
    const { body } = await alice.send<ErasureView>(FORGET, {})
    await app.engine.drain()
    expect(states((await alice.send<ErasureView>(`/api/erasures/${body.receipt}`)).body)).toMatchObject({
      account_deleted: erased === 'true' ? 'done' : 'not_needed',
      forgotten: 'done',
    })
    if (erased === 'true') await expect(listRecords(app.pdsUrl, did)).rejects.toThrow(/answered 400/)
    else expect(await listRecords(app.pdsUrl, did)).toEqual([])

    await alice.send('/api/signup', { handle: 'alice' })
    await alice.post('after')
    await app.engine.drain()
    const again = await didOf(app, 'trial|alice')
    expect(again).not.toBe(did)
    expect((await listRecords(app.pdsUrl, again)).map((record) => record.value['text'])).toEqual(['after'])
  })

  it('an erasure of a user without an account needs no PDS', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const alice = await new Visitor(app.address).as('alice', { signUp: false })
    await alice.post('hardly here')
    const { body } = await alice.send<ErasureView>(FORGET, {})
    await app.engine.drain()
    const { body: after } = await alice.send<ErasureView>(`/api/erasures/${body.receipt}`)
    expect(states(after)).toMatchObject({
      records_deleted: 'not_needed',
      repo_verified: 'not_needed',
      forgotten: 'done',
    })
    expect(await primaryOf(folder.path).everything()).not.toContain('trial|alice')
  })

  it('an erasure needs a sign-in, and a receipt cannot be guessed', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    expect((await new Visitor(app.address).send(FORGET, {})).status).toBe(401)
    expect(await new Visitor(app.address).send('/api/erasures/nonsense')).toMatchObject({
      status: 404,
      body: { error: 'not_found' },
    })
  })

  it('an erasure waits while the PDS is down, keeps only what deleting needs, and resumes', async () => {
    await using site = await signedUpSite()
    const { app } = site
    await app.moods.post('u1', { mood: 'personal' })
    await app.engine.drain()
    const did = await didOf(app, 'u1')
    await site.pds.down()
    const { receipt } = await app.erasures.request('u1')
    await app.engine.drain()
    expect(await primaryOf(site.dataFolder).everything()).not.toContain('personal')
    expect((await app.erasures.byReceipt(receipt)).done.records_deleted).toBeUndefined()
    await site.pds.up()
    site.forward(60_000)
    await app.engine.drain()
    expect(await listRecords(app.pdsUrl, did)).toEqual([])
    const { done, user } = await app.erasures.byReceipt(receipt)
    expect([user, done.repo_verified?.needed, done.forgotten?.needed]).toEqual([null, true, true])
    expect(await primaryOf(site.dataFolder).everything()).not.toContain(did)
  })

  it('an erasure finds an account on the PDS that a crash left out of the store', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve', env: { ERASE_PDS_ACCOUNT: 'true' } })
    const alice = await new Visitor(app.address).as('alice')
    await app.engine.drain()
    const made = (await app.store.accounts.byUser('trial|alice'))!
    await app.store.accounts.save({ ...made, state: 'pending', did: null, pds: null, sealedSession: null })
    const { body } = await alice.send<ErasureView>(FORGET, {})
    await app.engine.drain()
    expect((await alice.send<ErasureView>(`/api/erasures/${body.receipt}`)).body.state).toBe('done')
    await expect(listRecords(app.pdsUrl, made.did!)).rejects.toThrow(/answered 400/)
  })

  it('an erasure delays its last reading while a late write may still land', async () => {
    await using site = await signedUpSite()
    const { app } = site
    // A worker died while it held this repo.
    await app.store.repos.mark('u1', site.now())
    await app.store.repos.claim('a worker that died', site.now(), site.now(), 0)
    const { receipt } = await app.erasures.request('u1')
    await app.engine.drain()
    expect((await app.erasures.byReceipt(receipt)).done).toMatchObject({ records_deleted: { needed: true } })
    expect((await app.erasures.byReceipt(receipt)).done.repo_verified).toBeUndefined()
    site.forward(20_000)
    await app.engine.drain()
    expect((await app.erasures.byReceipt(receipt)).done.forgotten).toBeDefined()
  })
})
