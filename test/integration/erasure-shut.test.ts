/** Erasing users whose accounts the real PDS has no more, or has shut: the erasure ends, and its receipt says what was found. */

import { describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { erasureView } from '../../src/http/view.ts'
import { readyAccount } from '../support/damage.ts'
import { deactivate, listRecords, takeDown } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'

const SHUT = ['gone', 'takendown', 'deactivated'] as const

/** The site with these accounts, each with a record, and each shut in its way. */
async function shutSite(eraseAccounts: boolean) {
  const site = await signedUpSite(['alice', 'bob', 'carol'], { env: { ERASE_PDS_ACCOUNT: String(eraseAccounts) } })
  const { app } = site
  const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
  const dids: Record<string, string> = {}
  for (const [i, how] of SHUT.entries()) {
    const user = `u${i + 1}`
    await app.moods.post(user, { mood: `mood of ${user}` })
    await app.engine.drain()
    const { did, pds, credentials } = await readyAccount(app, user)
    dids[how] = did
    if (how === 'gone') await app.host.deleteAccount(did)
    if (how === 'takendown') await takeDown(pds, pdsAdminPassword, did)
    if (how === 'deactivated') await deactivate(pds, did, await app.sealer.passwordOf(credentials!))
  }
  return { site, dids, pdsAdminPassword }
}

describe('the erasure of a user whose account is gone or shut', () => {
  it.each([false, true])('ends, with a receipt that says what was found; accounts erased: %s', async (accounts) => {
    const { site, dids, pdsAdminPassword } = await shutSite(accounts)
    await using _ = site
    const { app } = site
    for (const [i, how] of SHUT.entries()) {
      const { receipt } = await app.erasures.request(`u${i + 1}`)
      await app.engine.drain()
      const view = erasureView(await app.erasures.byReceipt(receipt))
      expect([how, view.state]).toEqual([how, 'done'])
      const steps = Object.fromEntries(view.steps.map(({ name, ...step }) => [name, step]))
      expect(steps['records_deleted']).toMatchObject({
        state: how === 'gone' ? 'not_needed' : 'not_possible',
        found: expect.stringMatching(
          { gone: /no such account/, takendown: /taken the account down/, deactivated: /owner has deactivated/ }[how],
        ),
      })
      expect(steps['repo_verified']).toMatchObject({ found: steps['records_deleted']!.found })
      expect(steps['account_deleted']!.state).toBe(accounts ? 'done' : 'not_needed')
      expect(JSON.stringify(view)).not.toContain(dids[how])
      expect(await app.store.accounts.byUser(`u${i + 1}`)).toBeNull()
    }
    // What the receipts say is so: with its takedown lifted, the account that could not be touched is there with its record.
    if (accounts) return
    await takeDown(app.pdsUrl, pdsAdminPassword, dids['takendown']!, false)
    expect(await listRecords(app.pdsUrl, dids['takendown']!)).toHaveLength(1)
  })

  it('deletes no account on a PDS that is not ours, and says so', async () => {
    await using site = await signedUpSite(['alice'], { env: { ERASE_PDS_ACCOUNT: 'true' } })
    const { app } = site
    const account = await readyAccount(app, 'u1')
    // The same PDS by another address is another one, as far as the admin password is concerned.
    await app.store.accounts.save({ ...account, pds: account.pds.replace('localhost', '127.0.0.1') })
    const { receipt } = await app.erasures.request('u1')
    await app.engine.drain()
    expect((await app.erasures.byReceipt(receipt)).done).toMatchObject({
      records_deleted: { needed: true },
      account_deleted: { needed: false, found: 'foreign' },
      forgotten: { needed: true },
    })
    expect(await app.directory.repoStatus(app.pdsUrl, account.did)).toMatchObject({ value: { active: true } })
  })
})
