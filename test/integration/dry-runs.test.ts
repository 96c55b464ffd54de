/** A plan is the result of a dry run: it is printed on standard output, and nothing else is printed anywhere. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { createProgram, commandsOf, nameOf } from '../../src/cli/program.ts'
import { readyAccount } from '../support/damage.ts'
import { runMoods } from '../support/process.ts'
import { listRecords } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

let site: Site
beforeAll(async () => {
  site = await signedUpSite(['alice', 'bob'])
  await site.app.moods.post('u1', { mood: 'hello' })
  await site.app.engine.drain()
  await site.app.store.accounts.claimHandle('u3', 'carol')
})
afterAll(() => site[Symbol.asyncDispose]())

/** Command lines without `--execute`, in an order in which each may run, and what their plans say. */
const PLANS: readonly (readonly [string, RegExp])[] = [
  ['accounts provision', /^Would make accounts for 1 user\./],
  ['accounts seal', /^0 of 2 accounts have a password in plain text\./],
  ['accounts rehost http://localhost:1 PDS', /^0 accounts are stored with http:\/\/localhost:1; /],
  ['accounts replace --gone', /^Would replace 0 accounts\./],
  ['backfill', /^would be +0$/m],
  ['repair', /^Nothing is to be repaired now\.$/m],
  ['retry', /^Would put back to work \(--execute does it\): 0 moods, 0 accounts\./],
  ['lexicon publish --did DID', /^plan {6}/m],
  ['erase @alice', /^Would erase @alice \(u1\): 1 mood, 1 record of /],
  ['erase --restored', /^Would erase 0 restored users/],
  ['federation on', /^Federation is already on/],
  ['federation percent 10', /^With federation on for 10 % of the users:\n {2}includes {3}\d of 3 users/m],
  ['federation allow @alice', /^With federation on for @alice only:\n {2}includes {3}1 of 3 users/m],
  ['federation off', /^With federation off:\n {2}includes {3}0 of 3 users/m],
  // These want federation to be off.
  ['federation off --execute', /^With federation off:.*^Federation is off now\./ms],
  ['rollback --strip-references', /^references to be forgotten: 1, of 1 user$/m],
  ['rollback --strip-references --execute', /^references to be forgotten: 1, of 1 user$/m],
  ['rollback --delete-records', /^Would delete 1 record of 1 user from .* This cannot be undone/],
  ['backfill', /^1 user with moods is left out: .*^would be +0$/ms],
  ['repair', /^2 users are left out: .*^Nothing is to be repaired now\.$/ms],
]

it.each(PLANS)('moods %s prints its plan on standard output', async (line, plan) => {
  const { did } = await readyAccount(site.app, 'u1')
  const records = () => listRecords(site.app.pdsUrl, did)
  const before = await records()
  const { code, stdout, stderr } = await runMoods(
    line.replace('DID', did).replace('PDS', site.app.pdsUrl).split(' '),
    site.env,
  )
  expect([code, stderr, stdout]).toEqual([0, '', expect.stringMatching(plan)])
  expect(await records()).toEqual(before)
})

it('every command with a dry run is one of these', () => {
  const withDryRun = commandsOf(createProgram(() => {})).filter(({ options }) =>
    options.some(({ long }) => long === '--execute'),
  )
  // These need a MongoDB: mongo-copy.test.ts and the tests of `moods data`.
  const elsewhere = new Set(['store copy', 'data mend', 'relays crawl'])
  const names = withDryRun.map((command) => nameOf(command)).filter((name) => !elsewhere.has(name))
  expect(names.filter((name) => !PLANS.some(([line]) => `${line} `.startsWith(`${name} `)))).toEqual([])
})
