/** Publishing the lexicon while a server starts, on a PDS that asks to wait. */

import { describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import type { Account } from '../../src/domain/account.ts'
import { publishInBackground, storedAuthority } from '../../src/lexicon/embedded-authority.ts'
import { Events } from '../../src/observe/events.ts'
import { Xrpc } from '../../src/pds/xrpc.ts'
import type { AccountHost } from '../../src/ports/pds.ts'
import { recordedLog } from '../support/events.ts'
import { startApp, temporaryFolder } from '../support/installation.ts'
import { eventually } from '../support/repo.ts'

describe('a server whose PDS asks to wait with the lexicon', () => {
  it('says until when, as no error, and publishes it after that', async () => {
    await using folder = await temporaryFolder()
    await using waiting = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const told: unknown[] = []
    const later = { kind: 'later', afterMs: 300, scope: 'host' } as const
    let asked = 0
    const host = {
      handleDomain: () => app.host.handleDomain(),
      newCredentials: () => app.host.newCredentials(),
      ensure: async (account: Account) => (asked++ === 0 ? later : app.host.ensure(account)),
    }
    const parts = { folder: new DataFolder(waiting.path), host, pdsUrl: app.pdsUrl }
    const xrpc = new Xrpc(app.clock, { timeoutMs: 5_000, bypassKey: null }, null)
    const events = { onWait: (ms: number) => told.push(ms), onError: (error: unknown) => told.push(error) }
    const end = publishInBackground({ ...parts, xrpc }, events)
    await eventually('an account', async () => (storedAuthority(new DataFolder(waiting.path))?.did ?? null) !== null)
    await end()
    expect(told).toEqual([300])
    const { log, take } = recordedLog()
    new Events(log).askedToWait('lexicon', 0)
    expect(take()).toMatchObject([{ level: 40, what: 'lexicon', until: '1970-01-01T00:00:00.000Z' }])
  })

  it('ends at once while it waits', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await using waiting = await temporaryFolder()
    const hour = { kind: 'later', afterMs: 3_600_000, scope: 'host' } as const
    const host = { ...app.host, handleDomain: async () => hour } as AccountHost
    const xrpc = new Xrpc(app.clock, { timeoutMs: 5_000, bypassKey: null }, null)
    const parts = { folder: new DataFolder(waiting.path), host, xrpc, pdsUrl: app.pdsUrl }
    await new Promise<void>((resolve, reject) => {
      const end = publishInBackground(parts, { onWait: () => setImmediate(() => resolve(end())), onError: reject })
    })
    expect(storedAuthority(new DataFolder(waiting.path))).toBeNull()
  })
})
