/** A PDS that has lost what it held, and users who get other accounts, on a real PDS and PLC directory. */

import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { replaced } from '../../src/domain/account.ts'
import { checkAccounts } from '../../src/operate/account-check.ts'
import { auditUser, countKinds } from '../../src/operate/audit.ts'
import { repairUser } from '../../src/operate/repair.ts'
import { replaceAccounts } from '../../src/operate/replace.ts'
import { rehost } from '../../src/operate/rehost.ts'
import { runMoods } from '../support/process.ts'
import { damage, readyAccount } from '../support/damage.ts'
import { listRecords, takeDown } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

const never = new AbortController().signal

async function post({ app }: Site, user: string, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await app.moods.post(user, { mood: text })
  await app.engine.drain()
}

/** What the repo of the user's account holds, in alphabetical order. */
async function textsOf({ app }: Site, user: string): Promise<readonly string[]> {
  const { did, pds } = await readyAccount(app, user)
  return (await listRecords(pds, did)).map(({ value }) => String(value['text'])).toSorted()
}

/** What an audit of the user finds, by kind. */
async function audit({ app }: Site, user: string): Promise<object> {
  const result = await auditUser(app, user)
  if (result.kind !== 'audited') throw new Error(`the repo of ${user} was not read: ${result.kind}`)
  return countKinds(result.audit.findings)
}

function replace(site: Site, names: readonly string[] | 'gone', execute = true) {
  return replaceAccounts(
    site.app,
    names,
    execute,
    () => {},
    () => {},
    never,
  )
}

describe('moods accounts replace', () => {
  it('gives another account to who was taken down, and publishes the history there, and nothing private or deleted', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
    await post(site, 'u1', 'one', 'two', 'three')
    await app.moods.post('u1', { mood: 'secret', isPrivate: true })
    const old = await readyAccount(app, 'u1')
    await takeDown(old.pds, pdsAdminPassword, old.did)

    expect(await replace(site, ['u2'], false)).toMatchObject({ accounts: [], usable: [{ user: 'u2' }], result: null })
    const dry = await replace(site, ['@alice'], false)
    expect(dry.accounts).toEqual([
      { user: 'u1', handle: 'alice', did: old.did, pds: old.pds, found: 'takendown', moods: 0 },
    ])
    expect((await readyAccount(app, 'u1')).did).toBe(old.did)

    const done = await replace(site, ['u1'])
    expect(done).toMatchObject({ accounts: [{ moods: 3 }], result: { made: [{ user: 'u1' }], failed: [] } })
    await app.engine.drain()
    const account = await readyAccount(app, 'u1')
    expect(account.did).not.toBe(old.did)
    expect(account.former).toMatchObject([{ did: old.did, pds: old.pds, why: 'takendown' }])
    expect(await textsOf(site, 'u1')).toEqual(['one', 'three', 'two'])
    const shown = await runMoods(['show', '@alice', '--json'], site.env)
    expect(shown.stdout.replaceAll(/\s+/g, ' ')).toContain(`"former": [ { "did": "${old.did}", "pds": "${old.pds}"`)
    expect(await audit(site, 'u1')).toEqual({})
    // A second run finds an account that can be used.
    expect(await replace(site, ['u1'])).toMatchObject({ accounts: [], usable: [{ did: account.did }] })
  })

  it('resumes where it was killed after the account was marked, and erases both accounts with the user', async () => {
    await using site = await signedUpSite(['alice'], { env: { ERASE_PDS_ACCOUNT: 'true' } })
    const { app } = site
    await post(site, 'u1', 'one', 'two')
    const old = await readyAccount(app, 'u1')
    const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
    await takeDown(old.pds, pdsAdminPassword, old.did)
    await app.store.accounts.save(replaced(old, 'takendown', site.now()))
    // A worker needs no command to go on.
    await app.engine.drain()
    expect(await textsOf(site, 'u1')).toEqual(['one', 'two'])
    const { did } = await readyAccount(app, 'u1')
    const { receipt } = await app.erasures.request('u1')
    await app.engine.drain()
    expect((await app.erasures.byReceipt(receipt)).done).toMatchObject({ account_deleted: { needed: true } })
    for (const each of [old.did, did]) {
      expect(await app.directory.repoStatus(app.pdsUrl, each)).toMatchObject({ code: 'RepoNotFound' })
    }
  })
})

describe('a PDS that has lost what it held', () => {
  it('restored from an older copy: lost records are repaired, and lost accounts replaced', async () => {
    await using site = await signedUpSite(['alice'])
    const { app } = site
    await post(site, 'u1', 'one', 'two')
    const [pds, copy] = ['pds', 'copy'].map((name) => join(site.pdsFolder, name))
    await site.pds.down()
    await cp(pds!, copy!, { recursive: true })
    await site.pds.up()
    site.forward(60_000)
    await app.accounts.signUp('u2', 'bob')
    await post(site, 'u1', 'three', 'four')
    await post(site, 'u2', 'of bob')
    await site.pds.down()
    await rm(pds!, { recursive: true })
    await cp(copy!, pds!, { recursive: true })
    await site.pds.up()
    site.forward(60_000)

    await post(site, 'u1', 'five')
    await post(site, 'u2', 'more of bob')
    const [before, check] = await Promise.all([audit(site, 'u1'), checkAccounts(app, [], '', () => {}, never)])
    expect(before).toEqual({ dangling: 2 })
    expect(check.findings.map(({ user, problem }) => [user, problem])).toEqual([
      ['u2', 'refused'],
      ['u2', 'repo_missing'],
    ])
    await repairUser(app, 'u1')
    expect(await replace(site, 'gone')).toMatchObject({ accounts: [{ user: 'u2', found: 'gone' }] })
    site.forward(60_000)
    await app.engine.drain()
    expect(await textsOf(site, 'u1')).toEqual(['five', 'four', 'one', 'three', 'two'])
    expect(await textsOf(site, 'u2')).toEqual(['more of bob', 'of bob'])
    expect([await audit(site, 'u1'), await audit(site, 'u2')]).toEqual([{}, {}])
    expect((await checkAccounts(app, [], '', () => {}, never)).findings).toEqual([])
  })

  it('made again with an empty folder: every account is replaced by one command, and all is published again', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    await post(site, 'u1', 'one', 'two')
    await post(site, 'u2', 'of bob')
    await site.pds.down()
    await rm(join(site.pdsFolder, 'pds'), { recursive: true })
    await site.pds.up()
    site.forward(3 * 3_600_000)
    await post(site, 'u1', 'three')
    expect(await replace(site, 'gone')).toMatchObject({ accounts: [{ user: 'u1' }, { user: 'u2' }], notReached: 0 })
    await app.engine.drain()
    expect(await textsOf(site, 'u1')).toEqual(['one', 'three', 'two'])
    expect(await textsOf(site, 'u2')).toEqual(['of bob'])
    expect([await audit(site, 'u1'), await audit(site, 'u2')]).toEqual([{}, {}])
  })
})

describe('moods accounts rehost', () => {
  it('moves the accounts whose repos the new address has, and none to what is no PDS', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    await post(site, 'u1', 'one')
    const { pds } = await readyAccount(app, 'u1')
    const now = pds.replace('localhost', '127.0.0.1')
    const lost = await readyAccount(app, 'u2')
    await app.host.deleteAccount(lost.did)
    await expect(rehost(app, { from: pds, to: site.realPlc }, true, () => {}, never)).rejects.toMatchObject({
      code: 'unavailable',
    })
    const dry = await runMoods(['accounts', 'rehost', pds, now], site.env)
    expect([dry.code, dry.stdout]).toEqual([1, expect.stringContaining(`${now} has the repos of 1 of them.`)])
    expect((await readyAccount(app, 'u1')).pds).toBe(pds)
    const done = await runMoods(['accounts', 'rehost', `${pds}/`, `${now}/`, '--execute', '--json'], site.env)
    expect([done.code, JSON.parse(done.stdout)]).toMatchObject([
      1,
      { accounts: 2, there: 1, changed: 1, notThere: [{ user: 'u2' }], madeAt: pds },
    ])
    expect([(await readyAccount(app, 'u1')).pds, (await app.store.accounts.byUser('u2'))?.pds]).toEqual([now, pds])
    await post(site, 'u1', 'two')
    expect(await textsOf(site, 'u1')).toEqual(['one', 'two'])
    expect((await runMoods(['accounts', 'rehost', pds, 'nonsense'], site.env)).code).toBe(2)
  })

  it('leaves an account where it is whose repo at the new address is older than what was published', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    await post(site, 'u1', 'one', 'two')
    await post(site, 'u2', 'three')
    const { pds, did } = await readyAccount(app, 'u1')
    const now = pds.replace('localhost', '127.0.0.1')
    // As after a restore: what was published last is not there.
    for (const mood of await app.store.moods.history('u1', null, 10)) await damage(app, 'dangling', mood)
    const done = await rehost(app, { from: pds, to: now }, true, () => {}, never)
    expect(done).toMatchObject({ there: 1, changed: 1, notThere: [{ user: 'u1', did, why: 'older' }] })
    expect([(await readyAccount(app, 'u1')).pds, (await readyAccount(app, 'u2')).pds]).toEqual([pds, now])
  })
})
