/** `moods erase`, as a process of its own: a user erased, and erased again after a restore. */

import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import type { Account } from '../../src/domain/account.ts'
import type { ErasedUser } from '../../src/operate/erase.ts'
import { type ErasedAgain, purgeStep, type Tombstone } from '../../src/operate/erase-again.ts'
import { enqueued } from '../../src/domain/sync.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { primaryOf } from '../support/primary.ts'
import { runMoods } from '../support/process.ts'
import { listRecords } from '../support/repo.ts'

async function erase<T>(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await runMoods(['erase', ...args, '--json'], environment(folder, env))
  if (stdout === '') throw new Error(`moods erase ended with ${code}: ${stderr}`)
  return { code, stdout, stderr, ...(JSON.parse(stdout) as T) }
}

async function didOf(app: App, user: string): Promise<string> {
  return (await app.store.accounts.byUser(user))!.did!
}

/** The methods of a store's part, to replace one of them. */
function bound(moods: App['store']['moods']): App['store']['moods'] {
  return {
    ...moods,
    history: (...args) => moods.history(...args),
    save: (...args) => moods.save(...args),
  }
}

/** Two users with moods in their repos. */
async function settle(app: App): Promise<void> {
  for (const name of ['alice', 'bob']) {
    await app.accounts.signUp(`u-${name}`, name)
    await app.moods.post(`u-${name}`, { mood: `personal, of ${name}` })
    await app.moods.post(`u-${name}`, { mood: `personal too, of ${name}` })
  }
  await app.engine.drain()
}

describe('moods erase USER', () => {
  it('reports how much there is, then erases it step by step and leaves a tombstone', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await settle(app)
    const did = await didOf(app, 'u-alice')
    const dry = await erase<ErasedUser>(folder.path, ['@alice'])
    expect(dry).toMatchObject({ code: 0, executed: false, extent: { moods: 2, records: 2 }, erasure: null })
    expect(dry.stderr).toContain(`Would erase @alice (u-alice): 2 moods, 2 records of ${did}, the handle, `)
    expect(await listRecords(app.pdsUrl, did)).toHaveLength(2)

    const { code, stdout } = await runMoods(['erase', did, '--execute'], environment(folder.path))
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Erasing @alice .*\nreceipt {3}[\w-]{32}\ndone +stopped\ndone +texts removed\ndone +records deleted\ndone +repo verified\nnot needed +account deleted\ndone +forgotten\nErased\.\n$/,
    )
    expect(await listRecords(app.pdsUrl, did)).toEqual([])
    expect(await primaryOf(folder.path).everything()).not.toMatch(/alice/)
    expect(await listRecords(app.pdsUrl, await didOf(app, 'u-bob'))).toHaveLength(2)
    const receipt = /receipt +(\S+)/.exec(stdout)![1]!
    expect((await app.erasures.byReceipt(receipt)).user).toBeNull()

    const printed = await runMoods(['erase', '--tombstones'], environment(folder.path))
    const lines = printed.stdout.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as Tombstone).tombstone)).toEqual([
      app.erasures.tombstoneOf('u-alice'),
    ])
    expect(printed.stdout).not.toMatch(/alice|did:/)
  })

  it('rejects unknown users, conflicting options and files that do not hold tombstones', async () => {
    await using folder = await temporaryFolder()
    const app = await startApp(folder.path, { role: 'serve' })
    await app[Symbol.asyncDispose]()
    for (const args of [['@nobody'], [], ['@a', '--tombstones'], ['--restored', join(folder.path, 'not-there')]]) {
      const { code, stdout } = await runMoods(['erase', ...args], environment(folder.path))
      expect([code, stdout]).toEqual([2, ''])
    }
    writeFileSync(join(folder.path, 'file'), '\n{"tombstone":"short","requestedAt":"2026-01-01"}\n')
    const { code, stderr } = await runMoods(
      ['erase', '--restored', join(folder.path, 'file')],
      environment(folder.path),
    )
    expect([code, stderr]).toEqual([2, expect.stringContaining('line 2 is not a tombstone')])
  })

  it('asks the PDS again about an account that it refused, and is stuck only while it still does', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await settle(app)
    const refuse = async (user: string, more: Partial<Account>): Promise<void> => {
      const error = { code: 'AccountTakedown', message: '', at: 1 }
      await app.store.accounts.save({
        ...(await app.store.accounts.byUser(user))!,
        state: 'needs_attention',
        error,
        ...more,
      })
    }
    // The takedown was lifted since.
    await refuse('u-bob', {})
    expect(await erase<ErasedUser>(folder.path, ['@bob', '--execute'])).toMatchObject({
      code: 0,
      erasure: { state: 'done' },
    })

    const credentials = { kind: 'plain', password: 'another one' } as const
    const { credentials: right } = (await app.store.accounts.byUser('u-alice'))!
    await refuse('u-alice', { credentials, sealedSession: null })
    const stuck = await erase<ErasedUser>(folder.path, ['@alice', '--execute'])
    expect(stuck).toMatchObject({ code: 1, erasure: { state: 'stuck', reason: 'AuthenticationRequired' } })
    expect(await primaryOf(folder.path).everything()).not.toContain('personal, of alice')
    await app.store.accounts.save({ ...(await app.store.accounts.byUser('u-alice'))!, credentials: right })
    expect((await runMoods(['retry', '--execute'], environment(folder.path))).code).toBe(0)
    const again = await erase<ErasedUser>(folder.path, ['@alice', '--execute'])
    expect(again).toMatchObject({ code: 0, erasure: { state: 'done', receipt: stuck.erasure!.receipt } })
  })
})

describe('moods erase --restored', () => {
  /** Erases alice after a copy of the store was made, and puts the copy back. @returns the file of tombstones */
  async function restore(path: string, env: Record<string, string> = {}): Promise<{ did: string; file: string }> {
    const [database, copy, file] = ['moods.sqlite', 'copy.sqlite', 'tombstones'].map((name) => join(path, name))
    let did: string
    {
      await using app = await startApp(path, { role: 'serve', env })
      await settle(app)
      did = await didOf(app, 'u-alice')
    }
    cpSync(database!, copy!)
    {
      await using app = await startApp(path, { role: 'serve', env })
      await app.erasures.request('u-alice')
      await app.engine.drain()
      writeFileSync(file!, (await runMoods(['erase', '--tombstones'], environment(path, env))).stdout)
    }
    for (const suffix of ['', '-wal', '-shm']) rmSync(database! + suffix, { force: true })
    cpSync(copy!, database!)
    return { did, file: file! }
  }

  it('erases the restored user again, and no other user', async () => {
    await using folder = await temporaryFolder()
    const { did, file } = await restore(folder.path)
    await using app = await startApp(folder.path, { role: 'serve' })
    expect(await primaryOf(folder.path).everything()).toContain('personal, of alice')
    // The restored store knows of no erasure.
    expect(await erase<ErasedAgain>(folder.path, ['--restored'])).toMatchObject({ code: 0, returned: [] })
    const dry = await erase<ErasedAgain>(folder.path, ['--restored', file])
    expect(dry).toMatchObject({ code: 1, executed: false, returned: [{ action: 'erase', older: 2 }] })
    expect(dry.stdout + dry.stderr).not.toMatch(/alice|did:/)

    const { code, erasures } = await erase<ErasedAgain>(folder.path, ['--restored', file, '--execute'])
    expect([code, erasures]).toEqual([0, [{ receipt: expect.any(String), state: 'done', reason: null }]])
    expect(await primaryOf(folder.path).everything()).not.toMatch(/alice/)
    expect(await listRecords(app.pdsUrl, did)).toEqual([])
    expect(await listRecords(app.pdsUrl, await didOf(app, 'u-bob'))).toHaveLength(2)
    expect(await erase<ErasedAgain>(folder.path, ['--restored', file])).toMatchObject({ code: 0, returned: [] })
  })

  it('erases the restored user again when the account was deleted from the PDS, too', async () => {
    await using folder = await temporaryFolder()
    const env = { ERASE_PDS_ACCOUNT: 'true' }
    const { did, file } = await restore(folder.path, env)
    await using app = await startApp(folder.path, { role: 'serve', env })
    await expect(listRecords(app.pdsUrl, did)).rejects.toThrow(/answered 400/)
    const { code, erasures } = await erase<ErasedAgain>(folder.path, ['--restored', file, '--execute'], env)
    expect([code, erasures]).toMatchObject([0, [{ state: 'done' }]])
    expect(await primaryOf(folder.path).everything()).not.toMatch(/alice/)
  })

  it('purges only older moods of a user who has come back since, and leaves a user without older moods alone', async () => {
    await using folder = await temporaryFolder()
    // Otherwise the account stays on the PDS with its email address, which a new account would need.
    const env = { ERASE_PDS_ACCOUNT: 'true' }
    await using app = await startApp(folder.path, { role: 'serve', env })
    await settle(app)
    const before = await app.store.archive.page('moods', '', 100)
    const older = before.filter(({ item }) => item.mood.user === 'u-alice').map(({ item }) => item)
    for (const user of ['u-alice', 'u-bob']) await app.erasures.request(user)
    await app.engine.drain()
    for (const name of ['carol', 'dora']) {
      await app.accounts.signUp(name === 'carol' ? 'u-alice' : 'u-bob', name)
    }
    await app.moods.post('u-alice', { mood: 'again' })
    await app.engine.drain()
    // Only the moods of a backup are restored; the engine publishes them again.
    const due = { state: 'pending', dueAt: 0, hold: null, uri: null, cid: null } as const
    const restored = older.map(({ mood, changedAt }, i) => {
      return { mood: { ...mood, ordinal: 100 + i, sync: { ...mood.sync, ...due } }, changedAt }
    })
    await app.store.archive.put('moods', restored)
    await app.engine.drain()
    const did = await didOf(app, 'u-alice')
    expect(await listRecords(app.pdsUrl, did)).toHaveLength(3)

    const dry = await erase<ErasedAgain>(folder.path, ['--restored'], env)
    const actions = Object.fromEntries(dry.returned.map(({ tombstone, ...rest }) => [tombstone, rest]))
    expect(dry.code).toBe(1)
    expect(actions[app.erasures.tombstoneOf('u-alice')]).toMatchObject({ action: 'purge', older: 2 })
    expect(actions[app.erasures.tombstoneOf('u-bob')]).toMatchObject({ action: 'leave', older: 0 })

    const done = await erase<ErasedAgain>(folder.path, ['--restored', '--execute'], env)
    expect(done).toMatchObject({ code: 0, purged: 2, waiting: 0, erasures: [] })
    expect((await listRecords(app.pdsUrl, did)).map(({ value }) => value['text'])).toEqual(['again'])
    expect(await primaryOf(folder.path).everything()).not.toContain('personal')
    expect((await app.moods.latestOf('carol', null)).mood.text).toBe('again')
    expect(await didOf(app, 'u-bob')).toMatch(/^did:plc:/)
    const again = await erase<ErasedAgain>(folder.path, ['--restored'], env)
    expect([again.code, again.returned.map(({ action }) => action)]).toEqual([0, ['leave', 'leave']])
  })

  it('does not purge a mood that another process changes meanwhile, until its record is gone again', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await settle(app)
    const older = { user: 'u-alice', requestedAt: Date.now() + 1 }
    expect(await purgeStep(app, older)).toEqual({ purged: 0, left: 2 })
    await app.engine.drain()
    const [, second] = await app.store.moods.history('u-alice', null, 9)
    const { moods } = app.store
    // What a repair does when it finds the record in the repo again.
    const meanwhile = async (gone: Parameters<typeof moods.purgeMoods>[0]): Promise<number> => {
      await moods.save([{ ...second!, sync: enqueued(second!.sync, Date.now()) }], Date.now())
      return moods.purgeMoods(gone)
    }
    const racing = { ...app, store: { ...app.store, moods: { ...bound(moods), purgeMoods: meanwhile } } }
    expect(await purgeStep(racing, older)).toEqual({ purged: 1, left: 1 })
    expect(await moods.byId(second!.id)).toMatchObject({ sync: { state: 'pending' } })
    expect(await purgeStep(app, older)).toEqual({ purged: 0, left: 1 })
    await app.engine.drain()
    expect(await purgeStep(app, older)).toEqual({ purged: 1, left: 0 })
    expect(await listRecords(app.pdsUrl, await didOf(app, 'u-alice'))).toEqual([])
  })
})
