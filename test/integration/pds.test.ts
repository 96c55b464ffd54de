/** What we make of the answers of a PDS. */

import { describe, expect, it } from 'vitest'
import { parseDidKey, Secp256k1PrivateKeyExportable } from '@atcute/crypto'
import { DEFAULT_REPO_MB, limitsOf } from '../../src/pds/repo/block-table.ts'
import { readCar } from '../../src/pds/repo/car.ts'
import type { PublicKey } from '../../src/pds/identity.ts'
import { Share } from '../../src/pds/repo/share.ts'
import { COLLECTION } from '../../src/domain/record.ts'
import { isReady } from '../../src/domain/account.ts'
import { PdsClient } from '../../src/pds/client.ts'
import { Sealer } from '../../src/pds/sealer.ts'
import { Sessions } from '../../src/pds/sessions.ts'
import { Identities } from '../../src/pds/identities.ts'
import { Xrpc } from '../../src/pds/xrpc.ts'
import type { App } from '../../src/app.ts'
import { startApp, temporaryFolder } from '../support/installation.ts'
import { listRecords } from '../support/repo.ts'
import { recordsIn } from '../support/tree.ts'

/** A client that needs no token, since it only reads. */
function clientOf(app: App): PdsClient {
  const clock = { now: () => Date.now() }
  const xrpc = new Xrpc(clock, { timeoutMs: 5000, bypassKey: null }, null)
  const sealer = new Sealer(new Uint8Array(32))
  return new PdsClient(
    new Sessions(app.store.accounts, sealer, clock, xrpc),
    xrpc,
    new Identities(clock, { plcUrl: '', timeoutMs: 5_000 }),
  )
}

/** Record keys and CIDs in a CAR. */
async function cidsIn(car: Uint8Array, did: string, collection: string, key: PublicKey | null = null) {
  using share = new Share(new AbortController().signal)
  const read = await readCar([car], limitsOf(DEFAULT_REPO_MB), share)
  const records = await recordsIn(read, { did, collection }, key, share)
  return new Map([...records].map(([rkey, { cid }]) => [rkey, cid]))
}

describe('a whole repo', () => {
  it('reads as its pages do, and is refused when a byte has changed, or the end is missing', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    for (let i = 0; i < 120; i++) await app.moods.post('u1', { mood: `mood ${i}` })
    await app.engine.drain()
    const account = await app.store.accounts.byUser('u1')
    if (!isReady(account)) throw new Error('no account')
    const listed = await listRecords(app.pdsUrl, account.did)
    const expected = new Map(listed.map((record) => [record.uri.split('/').at(-1)!, record.cid]))
    expect(expected.size).toBe(120)

    const response = await fetch(`${app.pdsUrl}/xrpc/com.atproto.sync.getRepo?did=${account.did}`)
    const car = new Uint8Array(await response.arrayBuffer())
    const { did } = account
    expect(await cidsIn(car, did, COLLECTION)).toEqual(expected)
    expect(await cidsIn(car, did, 'computer.aesthetic.other')).toEqual(new Map())
    const damaged = car.slice()
    damaged[damaged.length - 10]! ^= 1
    await expect(cidsIn(damaged, did, COLLECTION)).rejects.toMatchObject({ code: 'CarWrongHash' })
    await expect(cidsIn(car.slice(0, -10), did, COLLECTION)).rejects.toMatchObject({ code: 'CarCutShort' })
    await expect(cidsIn(car, 'did:plc:somebody', COLLECTION)).rejects.toMatchObject({ code: 'CarAnotherRepo' })

    const pair = await Secp256k1PrivateKeyExportable.createKeypair()
    const stranger = parseDidKey(await pair.exportPublicKey('did'))
    await expect(cidsIn(car, did, COLLECTION, stranger)).rejects.toMatchObject({ code: 'CarWrongSignature' })

    const client = clientOf(app)
    const [first, second] = [...expected.keys()]
    const absent = '2222222222222'
    // Few are asked for one by one, many with the whole repo.
    for (const more of [[], [...expected.keys()]]) {
      const answer = await client.read(account, COLLECTION, [first!, absent, second!, ...more])
      if (answer.kind !== 'ok') throw new Error(answer.kind)
      expect([first!, absent, second!].map((rkey) => answer.value.cids.get(rkey))).toEqual([
        expected.get(first!),
        null,
        expected.get(second!),
      ])
    }
  })

  it('of an account that is gone is never an empty repo', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    await app.engine.drain()
    const account = await app.store.accounts.byUser('u1')
    if (!isReady(account)) throw new Error('no account')
    const nobody = { ...account, did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }
    const client = clientOf(app)
    const keys = Array.from({ length: 20 }, (_, i) => `2222222222${String(i).padStart(3, '2')}`)
    expect((await client.read(nobody, COLLECTION, keys)).kind).toBe('unauthorized')
    expect((await client.read(nobody, COLLECTION, keys.slice(0, 2))).kind).not.toBe('ok')
  })
})
