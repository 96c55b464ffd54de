/** Users as operators name them, and as everything that is printed names them. */

import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { findUser, findUsers } from '../../src/operate/users.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'

/** An installation with these users, by their `sub` and handle. */
async function withUsers(handles: Readonly<Record<string, string>>) {
  await using opening = new AsyncDisposableStack()
  const folder = opening.use(await temporaryFolder())
  const app: App = opening.use(await startApp(folder.path, { role: 'serve' }))
  for (const [user, handle] of Object.entries(handles)) await app.store.accounts.claimHandle(user, handle)
  const opened = opening.move()
  return { folder: folder.path, app, store: app.store, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

describe('the name of a user', () => {
  it('may be a handle without its sign, in any case, unless there is a sub that reads like it', async () => {
    await using site = await withUsers({ 'idp|1': 'dov', bob: 'robert', 'idp|2': 'bob' })
    const { store } = site
    expect(await findUsers(store, ['dov', 'Dov', '@dov', '@DOV', 'idp|1'])).toEqual(Array(5).fill('idp|1'))
    expect(await findUser(store, 'bob')).toBe('bob')
    expect(await findUser(store, '@bob')).toBe('idp|2')
  })

  it('is told from the handles of an existing database that differ only in case', async () => {
    await using site = await withUsers({ 'idp|1': 'Dov', 'idp|2': 'dov' })
    expect(await findUsers(site.store, ['Dov', 'dov', '@Dov', '@dov'])).toEqual(['idp|1', 'idp|2', 'idp|1', 'idp|2'])
  })

  it('is never guessed: an unknown one is an error with the users that are near', async () => {
    await using site = await withUsers({ 'idp|1': 'dov', 'idp|2': 'dova', 'idp|3': 'somebody-else' })
    const message = (...lines: readonly string[]) =>
      [
        ...lines,
        'a user is @handle, its handle on the PDS (name.domain), a DID, or the sub of the sign-in provider',
      ].join('\n')
    await expect(findUser(site.store, '@do')).rejects.toThrow(
      message('there is no user @do: did you mean @dov (idp|1), @dova (idp|2)?'),
    )
    await expect(findUsers(site.store, ['dvo', 'dov', 'zzz'])).rejects.toThrow(
      message('there is no user dvo: did you mean @dov (idp|1)?', 'there is no user zzz'),
    )
    await expect(findUser(site.store, 'idp|33')).rejects.toThrow('did you mean @somebody-else (idp|3)')
    await expect(findUser(site.store, 'did:plc:unknown')).rejects.toThrow('there is no user did:plc:unknown\n')
  })

  it('is wrong for every command alike, before anything is done', async () => {
    await using site = await withUsers({ 'idp|1': 'dov' })
    const commands = ['audit', 'repair', 'backfill', 'erase', 'accounts check', 'accounts provision', 'doctor --live']
    for (const command of commands) {
      const { code, stderr } = await runMoods([...command.split(' '), '@dvo'], environment(site.folder))
      expect([code, stderr.split('\n')[0]], command).toEqual([
        2,
        'moods: there is no user @dvo: did you mean @dov (idp|1)?',
      ])
    }
    const allow = await runMoods(['federation', 'allow', '@dvo'], environment(site.folder))
    expect([allow.code, allow.stderr]).toEqual([2, expect.stringContaining('@dvo: did you mean @dov (idp|1)?')])
    const { code, stderr } = await runMoods(['show', 'dvo'], environment(site.folder))
    expect([code, stderr]).toEqual([2, expect.stringContaining('dvo here: did you mean @dov (idp|1)?')])
  })
})

describe('everything that is printed', () => {
  it('names a user by handle and sub', async () => {
    await using site = await withUsers({ 'idp|1': 'dov' })
    const { stdout } = await runMoods(['accounts', 'list'], environment(site.folder))
    expect(stdout).toMatch(/^none +- +0 moods {2}@dov \(idp\|1\)$/m)
    const { stderr } = await runMoods(['accounts', 'check', 'dov'], environment(site.folder))
    expect(stderr).toContain('@dov (idp|1) has no account: "moods accounts provision @dov --execute" makes one')
  })
})
