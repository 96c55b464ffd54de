/** Erasures that cannot go on: what each waits for, and how to go on, on a real PDS. */

import { expect, it } from 'vitest'
import type { ErasureStep } from '../../src/domain/erasure.ts'
import { openErasures } from '../../src/operate/erase-open.ts'
import { readyAccount } from '../support/damage.ts'
import { runMoods } from '../support/process.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'
import { aliveWorker } from '../support/workers.ts'

interface Listed {
  readonly handle: string | null
  readonly next: ErasureStep | null
  readonly code: string | null
  readonly remedy: string
}

async function listed({ app }: Site): Promise<readonly Listed[]> {
  const { open } = await openErasures(app, () => {}, new AbortController().signal)
  return open.map(({ handle, next, reason }) => {
    return { handle, next, code: reason?.code ?? null, remedy: reason?.remedy ?? '' }
  })
}

/** Each user with one published mood. */
async function publishedSite(handles: readonly string[]): Promise<Site> {
  const site = await signedUpSite(handles)
  for (const i of handles.keys()) await site.app.moods.post(`u${i + 1}`, { mood: 'personal' })
  await site.app.engine.drain()
  await aliveWorker(site)
  return site
}

it('erasures under way are listed by age, and one that is done is not', async () => {
  await using site = await publishedSite(['alice', 'bob', 'carol'])
  const { app } = site
  await app.erasures.request('u3')
  await app.engine.drain()
  await site.pds.down()
  for (const user of ['u2', 'u1']) {
    site.forward(60_000)
    await app.erasures.request(user)
  }
  await aliveWorker(site)
  expect(await listed(site)).toMatchObject([
    { handle: 'bob', next: 'records_deleted', code: 'in_turn' },
    { handle: 'alice', next: 'records_deleted', code: 'in_turn' },
  ])
  await app.engine.drain()
  expect(await listed(site)).toMatchObject([{ code: 'pds_silent' }, { code: 'pds_silent' }])
  const stopped = AbortSignal.abort()
  expect((await openErasures(app, () => {}, stopped)).open).toEqual([])
  await site.pds.up()
  // One request finds out that the host is back; what it kept waiting comes after.
  for (const _ of ['the probe', 'the rest']) {
    site.forward(60_000)
    await app.engine.drain()
  }
  expect(await listed(site)).toEqual([])
})

/** The stored password of the account is another one, and its tokens have run out. @returns what puts the right one back */
async function losePassword(site: Site): Promise<() => Promise<unknown>> {
  const { app } = site
  const account = await readyAccount(app, 'u1')
  const { credentials } = account
  const wrong = { kind: 'plain', password: 'another one' } as const
  await app.store.accounts.save({ ...account, credentials: wrong, sealedSession: null })
  site.forward(3 * 60 * 60_000)
  return async () => app.store.accounts.save({ ...(await app.store.accounts.byUser('u1'))!, credentials })
}

it('an erasure of an account that refuses the password names that, and goes on once the right one is there', async () => {
  await using site = await publishedSite(['alice'])
  const { app } = site
  const putRight = await losePassword(site)
  await app.erasures.request('u1')
  await app.engine.drain()
  const [open] = await listed(site)
  expect(open).toMatchObject({ next: 'records_deleted', code: 'account_refused' })
  const [, retry] = /"moods (retry [^"]+)"/.exec(open!.remedy) ?? []
  await putRight()
  expect((await runMoods(retry!.split(' '), site.env)).code).toBe(0)
  site.forward(60_000)
  await app.engine.drain()
  expect(await listed(site)).toEqual([])
})

it('the command prints each erasure with its step and what that waits for, and ends with 1 if one needs somebody', async () => {
  await using site = await publishedSite(['alice', 'bob'])
  const { app } = site
  const none = await runMoods(['erase', '--open'], site.env)
  expect([none.code, none.stdout]).toEqual([0, '0 erasures are under way.\n'])
  await losePassword(site)
  const { receipt } = await app.erasures.request('u1')
  await app.engine.drain()
  const found = await runMoods(['erase', '--open'], site.env)
  expect(found.code).toBe(1)
  expect(found.stdout).toContain(`erasure   ${receipt}, requested `)
  expect(found.stdout).toContain('user      @alice (u1)\n')
  expect(found.stdout).toContain('next      records deleted\nbecause   the PDS refuses the account (')
  expect(found.stdout).toMatch(/age {7}\d+ s ago\n/)
  const json = await runMoods(['erase', '--open', '--json'], site.env)
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, open: [{ receipt, user: 'u1', handle: 'alice' }] })
  expect((await runMoods(['erase', 'u1', '--open'], site.env)).code).toBe(2)
})
