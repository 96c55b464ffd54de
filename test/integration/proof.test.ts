/** What an audit proves, against a real PDS, and a PLC directory that says what a test wants. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Secp256k1PrivateKeyExportable } from '@atcute/crypto'
import type { ReadyAccount } from '../../src/domain/account.ts'
import type { Proof } from '../../src/domain/proof.ts'
import { auditUser } from '../../src/operate/audit.ts'
import { proofsOf } from '../../src/operate/proof.ts'
import { chosenAccounts, survey } from '../../src/operate/survey.ts'
import type { RepoClient } from '../../src/ports/pds.ts'
import { damage, readyAccount } from '../support/damage.ts'
import { TestPlc } from '../support/plc.ts'
import { unproven } from '../support/root-oracle.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

/** Longer than a document is kept. */
const LATER_MS = 11 * 60_000
const never = new AbortController().signal

let plc: TestPlc
let site: Site
let account: ReadyAccount

beforeAll(async () => {
  plc = await TestPlc.start()
  site = await signedUpSite(['alice', 'bob'], { env: { PLC_URL: plc.url, PDS_RATE_LIMITS: 'off' } })
  plc.target = site.realPlc
  for (const user of ['u1', 'u1', 'u2']) await site.app.moods.post(user, { mood: `mood of ${user}, ${Math.random()}` })
  await site.app.engine.drain()
  account = await readyAccount(site.app, 'u1')
})
afterAll(async () => {
  await site[Symbol.asyncDispose]()
  await plc[Symbol.asyncDispose]()
})
beforeEach(async () => {
  plc.spoil(null)
  plc.change(account.did, (document) => document)
  site.forward(LATER_MS)
  for (const user of ['u1', 'u2']) await site.app.store.audits.forget(user)
})

async function head(): Promise<{ cid: string; rev: string }> {
  const response = await fetch(`${site.app.pdsUrl}/xrpc/com.atproto.sync.getLatestCommit?did=${account.did}`)
  return (await response.json()) as { cid: string; rev: string }
}

const proofOf = async (user: string): Promise<Proof | null> => {
  return (await site.app.store.audits.of([user])).get(user)?.good?.proof ?? null
}

/** Audits, and tells the methods of the client that it used. */
async function audited(incremental: boolean) {
  const used: string[] = []
  const client: RepoClient = new Proxy(site.app.client, {
    get(target, name) {
      if (name === 'until') return () => client
      const method: unknown = Reflect.get(target, name)
      return typeof method === 'function' ? (used.push(String(name)), method.bind(target)) : method
    },
  })
  const accounts = await chosenAccounts(site.app.store, ['u1', 'u2'])
  const deps = { ...site.app, client, timer: site.timer }
  const summary = await survey(deps, accounts, { incremental }, () => {}, never)
  return { summary, used }
}

describe('an audit that finds nothing', () => {
  it('is a proof: the signed commit, and what it showed', async () => {
    const at = site.now()
    await auditUser(site.app, 'u1')
    const { cid: commit, rev } = await head()
    expect(await proofOf('u1')).toEqual({ did: account.did, rev, commit, records: 2, at, seenAt: at })
  })

  it('asks the directory for no key that the engine has had within ten minutes', async () => {
    await site.app.places.placeOf(account, 'usual')
    const before = plc.asked[account.did]
    await auditUser(site.app, 'u1')
    expect(plc.asked[account.did]).toBe(before)
    expect(await proofOf('u1')).not.toBeNull()
  })

  it('proves nothing where the directory does not answer, and is not held up by it', async () => {
    plc.spoil((_, outgoing) => void outgoing.writeHead(503).end())
    expect(await auditUser(site.app, 'u1')).toMatchObject({ kind: 'audited', audit: { findings: [] }, proof: null })
    expect(await proofOf('u1')).toBeNull()
    expect(await auditUser(site.app, 'u1', { verify: true })).toMatchObject({ code: 'PlcUnreachable' })
  })

  it('is a failure where another key has signed, and not where the account has another one by now', async () => {
    const other = await (await Secp256k1PrivateKeyExportable.createKeypair()).exportPublicKey('multikey')
    plc.change(account.did, (document) => {
      for (const method of document['verificationMethod'] as { publicKeyMultibase: string }[]) {
        method.publicKeyMultibase = other
      }
      return document
    })
    await site.app.places.placeOf(account, 'refusal')
    expect(await auditUser(site.app, 'u1')).toMatchObject({ kind: 'unreadable', code: 'CarWrongSignature' })
    plc.change(account.did, (document) => document)
    expect(await auditUser(site.app, 'u1')).toMatchObject({ kind: 'audited', proof: { did: account.did } })
  })

  it('of repos that have not changed since is one list, and no other request: their proofs were seen again', async () => {
    const before = await audited(false)
    expect(before.summary).toMatchObject({ audited: 2, proven: 2 })
    const proof = (await proofOf('u1'))!
    site.forward(60_000)
    const again = await audited(true)
    expect(again.summary).toMatchObject({ unchanged: 2, proven: 2 })
    expect(again.used).toEqual(['revisions'])
    expect(await proofOf('u1')).toEqual({ ...proof, seenAt: site.now() })
    // A mood that has changed since is looked at, and what is in flight leaves the proof as it is.
    site.forward(60_000)
    const seen = await proofOf('u1')
    await site.app.moods.post('u1', { mood: `one more, ${Math.random()}` })
    expect((await audited(true)).summary).toMatchObject({ unchanged: 1, audited: 1, proven: 1 })
    expect(await proofOf('u1')).toEqual(seen)
    await site.app.engine.drain()
    expect((await audited(true)).summary).toMatchObject({ audited: 1, proven: 2 })
    expect(await proofOf('u1')).toMatchObject({ commit: (await head()).cid, records: 3 })
  })
})

describe('a proof that is checked', () => {
  const shown = async (name: string, check = true) => {
    const [proof] = await proofsOf({ ...site.app, timer: site.timer }, name, { check }, () => {}, never)
    return proof!
  }
  const checked = async (name: string) => (await shown(name)).checked
  const inDoubt = () => unproven({ pdsUrl: site.realPds, plcUrl: site.realPlc }, site.dataFolder)

  it('holds or does not, as the PDS shows it now; and an oracle that knows the product only by its database agrees', async () => {
    expect(await shown('@alice', false)).toMatchObject({ proof: null, why: { code: 'never_audited' }, checked: null })
    expect(await inDoubt()).toContain(`${account.did} is not proven: no proof is stored`)
    expect(await checked('@alice')).toEqual({ result: 'proven', findings: {}, code: null })
    expect(await checked('u2')).toMatchObject({ result: 'proven' })
    expect(await checked(account.did)).toMatchObject({ result: 'holds' })
    expect(await inDoubt()).toEqual([])

    const { mood } = await site.app.moods.post('u1', { mood: 'on its way' })
    expect(await shown(mood.id)).toMatchObject({ checked: { result: 'in_flight' }, mood: { id: mood.id }, why: null })
    await site.app.engine.drain()
    expect(await inDoubt()).toEqual([
      `${account.did} is not proven: the proof is of another commit`,
      expect.any(String),
    ])
    expect(await checked('@alice')).toMatchObject({ result: 'proven' })
    plc.spoil((_, outgoing) => void outgoing.writeHead(503).end())
    site.forward(LATER_MS)
    expect(await checked('@alice')).toMatchObject({ result: 'not_signed' })
    plc.spoil(null)

    await site.pds.down()
    expect(await shown('@alice')).toMatchObject({ checked: { result: 'unread' }, proof: { did: account.did } })
    await site.pds.up()
    site.forward(LATER_MS)
    expect(await inDoubt()).toEqual([])
  })

  it('is none any more once something is found', async () => {
    expect(await checked('u2')).toMatchObject({ result: 'proven' })
    const [mood] = await site.app.store.moods.history('u2', null, 1)
    await damage(site.app, 'drift', mood!)
    expect(await shown('u2')).toMatchObject({
      checked: { result: 'differs', findings: { drift: 1 } },
      proof: null,
      why: { code: 'findings' },
    })
    expect(await inDoubt()).toContainEqual(expect.stringContaining('the tree of the rows has another root'))
  })
})
