/** What the store holds when a process dies, or when the PDS does not answer. */

import { expect, it } from 'vitest'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSite } from '../support/site.ts'
import { signedUpSite } from '../support/signed-up.ts'

it('an account’s name and password are stored before the PDS is asked for it', async () => {
  await using site = await createSite()
  const { store, engine, accounts } = site.app
  await site.pds.up()
  await accounts.signUp('u1', 'alice')
  // The second save notes that the PDS has made the account: what is in the store just before that?
  const save = store.accounts.save.bind(store.accounts)
  const stored: unknown[] = []
  store.accounts.save = async (account) => {
    stored.push(await store.accounts.byUser('u1'))
    return save(account)
  }
  await engine.drain()
  expect(stored[0]).toMatchObject({ pdsHandle: null, credentials: null })
  expect(stored[1]).toMatchObject({
    state: 'pending',
    pdsHandle: 'alice.test',
    credentials: { kind: 'sealed', sealed: expect.any(String) },
  })
  expect(await store.accounts.byUser('u1')).toMatchObject({ state: 'ready', pdsHandle: 'alice.test' })
})

it('a session refresh without an answer does not lead to a login', async () => {
  await using site = await signedUpSite()
  const { app } = site
  const logins: string[] = []
  const deaf = createServer((request, response) => {
    logins.push(request.url ?? '')
    // It is there, so that what is asked next is asked.
    if (!request.url?.endsWith('describeServer')) return void request.socket.destroy()
    const body = '{"did":"did:web:pds.example","availableUserDomains":[".test"]}'
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
  const account = (await app.store.accounts.byUser('u1'))!
  const pds = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`
  await app.store.accounts.save({ ...account, pds })
  site.forward(3 * 3_600_000)
  await app.moods.post('u1', { mood: 'hello from the dark' })
  await app.engine.drain()
  // Whether the host is there at all may be asked besides.
  const asked = logins.filter((url) => !url.endsWith('describeServer'))
  expect(asked).toEqual(['/xrpc/com.atproto.server.refreshSession'])
  // Its document says that it lives elsewhere, and that is all that is held against it.
  expect(await app.store.accounts.byUser('u1')).toMatchObject({ error: { code: 'Moved' } })
  await new Promise((resolve) => deaf.close(resolve))
})
