/** A PDS that is frozen: it accepts connections, and never answers. Commands give it up as soon as one that is down. */

import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { newAccount, opened } from '../../src/domain/account.ts'
import { LEDGER } from '../../src/domain/budget.ts'
import type { ErasedUser } from '../../src/operate/erase.ts'
import { frozenHost } from '../support/frozen.ts'
import { runMoods } from '../support/process.ts'
import { createSite } from '../support/site.ts'

const DID = `did:plc:${'a'.repeat(24)}`

/** A user whose account is on this PDS. */
async function addUser({ store, moods }: App, user: string, pds: string): Promise<void> {
  await store.accounts.claimHandle(user, 'alice')
  await store.accounts.add(opened(newAccount(user, 'alice'), DID, pds, 'sealed'))
  await moods.post(user, { mood: 'nobody else may know' })
}

async function timed<T>(work: () => Promise<T>): Promise<T & { readonly seconds: number }> {
  const started = performance.now()
  return { ...(await work()), seconds: (performance.now() - started) / 1000 }
}

describe('a PDS that accepts connections and never answers', () => {
  it('is given up within seconds, and said to be silent since the first request that it missed, at every look', async () => {
    await using site = await createSite()
    await using host = await frozenHost()
    await addUser(site.app, 'u1', host.url)
    const audit = () => timed(() => runMoods(['audit', '--json'], site.env))
    const silentOf = ({ stdout }: { readonly stdout: string }) =>
      (JSON.parse(stdout) as { summary: { silent: { url: string; since: string }[] } }).summary.silent
    const started = Date.now()
    const first = await audit()
    const second = await audit()
    expect([first.code, second.code]).toEqual([3, 3])
    // A whole repository may take a minute.
    expect(Math.max(first.seconds, second.seconds)).toBeLessThan(25)
    expect(silentOf(first)).toEqual([{ what: 'PDS', url: host.url, since: expect.any(String) }])
    expect(Date.parse(silentOf(first)[0]!.since)).toBeGreaterThanOrEqual(started)
    expect(silentOf(second)).toEqual(silentOf(first))
    expect(await site.app.store.ledger.get(LEDGER.requests(host.url))).toMatchObject({ failures: expect.any(Number) })
  }, 60_000)

  it('keeps no text of a user who is erased, and the command says what it waits for, and ends', async () => {
    await using site = await createSite()
    const { app } = site
    const textsLeft: Promise<number>[] = []
    await using host = await frozenHost(() =>
      textsLeft.push(app.store.moods.history('u1', '', 9).then((all) => all.length)),
    )
    await addUser(app, 'u1', host.url)
    const { code, stdout, stderr, seconds } = await timed(() =>
      runMoods(['erase', '@alice', '--execute', '--json'], site.env),
    )
    expect(code).toBe(3)
    expect(seconds).toBeLessThan(40)
    expect(textsLeft.length).toBeGreaterThan(0)
    expect(new Set(await Promise.all(textsLeft))).toEqual(new Set([0]))
    expect(stderr).toContain(`Erasing @alice (u1): 1 moods, all records of ${DID}, the handle, `)
    const because = `the PDS at ${host.url} has not answered since `
    expect(stderr).toContain(`Waiting for "records deleted", because ${because}`)
    expect(stderr).toContain('Ctrl+C ends the wait; any worker resumes the erasure, and so does the same command.')
    const { erasure } = JSON.parse(stdout) as ErasedUser
    expect(erasure).toMatchObject({ state: 'waiting', reason: expect.stringContaining(because) })
    expect(erasure?.steps.map(({ step }) => step)).toEqual(['stopped', 'texts_removed'])
  }, 60_000)
})
