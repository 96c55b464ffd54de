/** How a command asks a PDS: it waits out a short outage, gives up a long one, and then asks no more. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newAccount, type ReadyAccount } from '../../src/domain/account.ts'
import { LEDGER } from '../../src/domain/budget.ts'
import { ok, type Outcome } from '../../src/domain/outcome.ts'
import { Hosts } from '../../src/operate/hosts.ts'
import { createSite, type Site } from '../support/site.ts'

const never = new AbortController().signal

describe('the hosts of a command', () => {
  let site: Site
  beforeAll(async () => {
    site = await createSite()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const hosts = (): Hosts => new Hosts({ ...site.app, timer: site.timer }, never)

  function accountAt(pds: string): ReadyAccount {
    return { ...newAccount('u1', 'alice'), state: 'ready', did: `did:plc:${'a'.repeat(24)}`, pds }
  }

  it('a silent host is given up, once for all its repos, since the time when it was first missed', async () => {
    // The PDS of this site has not been started.
    const { pdsUrl } = site.app
    let asked = 0
    const mine = hosts()
    const ask = () => {
      asked++
      return site.app.client.compare(accountAt(pdsUrl), 'a.b.c')
    }
    const before = site.now()
    expect(await mine.ask(pdsUrl, ask)).toEqual({ kind: 'not_reached', code: 'ECONNREFUSED', tried: true })
    const needed = asked
    site.forward(60_000)
    expect(await mine.ask(pdsUrl, ask)).toEqual({ kind: 'not_reached', code: 'HostSilent', tried: false })
    expect(asked).toBe(needed)
    expect(mine.silent).toEqual([{ what: 'PDS', url: pdsUrl, since: before }])
    // Another command asks again, and knows from the ledger since when.
    const other = hosts()
    expect(await other.ask(pdsUrl, ask)).toMatchObject({ kind: 'not_reached' })
    expect(other.silent).toEqual(mine.silent)
  })

  it('a host that answers again in time is not given up, and a pause that it asks for is kept', async () => {
    const answers: Outcome<string>[] = [
      { kind: 'uncertain', code: 'ECONNRESET', answered: false },
      { kind: 'later', afterMs: 20, scope: 'host' },
      ok('here'),
    ]
    const mine = hosts()
    expect(await mine.ask('http://pds.test', () => Promise.resolve(answers.shift()!))).toEqual(ok('here'))
    expect(mine.silent).toEqual([])
  })

  it('a host that spoils one answer is asked for others, and one that spoils several in a row is given up, with what it said', async () => {
    const pds = 'http://spoiled.test'
    const said = { method: 'com.atproto.sync.getRepo', said: '403 text/html' }
    await site.app.store.ledger.noteUnwell(LEDGER.requests(pds), said, site.now(), site.now())
    const spoiled: Outcome<string> = { kind: 'uncertain', code: 'Status403', answered: false, said: '403 text/html' }
    const mine = hosts()
    const ask = (answer: Outcome<string>) => mine.ask(pds, () => Promise.resolve(answer))
    for (let i = 0; i < 2; i++) {
      expect(await ask(spoiled)).toEqual({ kind: 'not_reached', code: 'Status403', tried: true })
    }
    expect(await ask(ok('here'))).toEqual(ok('here'))
    expect(mine.silent).toEqual([])
    for (let i = 0; i < 3; i++) await ask(spoiled)
    expect(mine.silent).toMatchObject([
      { url: pds, said: expect.stringContaining('answered getRepo with 403 text/html') },
    ])
    expect(await ask(ok('here'))).toMatchObject({ kind: 'not_reached', code: 'HostSilent' })
  })

  it('a refusal is an answer', async () => {
    const refused = { kind: 'rejected', code: 'RepoNotFound', message: '' } as const
    expect(await hosts().ask('http://pds.test', () => Promise.resolve(refused))).toEqual(refused)
  })

  it('names the PLC directory where that is what does not answer', async () => {
    const mine = hosts()
    const ask = () => site.app.client.compare(accountAt('http://pds.test'), 'a.b.c', { verify: true })
    expect(await mine.ask('http://pds.test', ask)).toMatchObject({ kind: 'not_reached', code: 'PlcUnreachable' })
    expect(mine.silent).toMatchObject([{ what: 'PLC directory', url: site.env['PLC_URL'] }])
  })

  it('an interruption ends the wait at once, and says nothing of the host', async () => {
    const stop = new AbortController()
    const mine = new Hosts(site.app, stop.signal)
    const busy: Outcome = { kind: 'later', afterMs: 3_600_000, scope: 'host' }
    const asking = mine.ask('http://pds.test', () => {
      setImmediate(() => stop.abort())
      return Promise.resolve(busy)
    })
    expect(await asking).toEqual({ kind: 'not_reached', code: 'Stopped', tried: false })
    expect(mine.silent).toEqual([])
  })
})
