/**
 * What a command announces is what it does, to the number, and it does that to no other repository than those of the users
 * whom it works for: random damage, policies, commands and names, on real repos.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isReady } from '../../src/domain/account.ts'
import { type FindingKind, REPAIRED } from '../../src/domain/finding-kinds.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { type FederationPolicy, federates, inForce } from '../../src/domain/policy.ts'
import { backfill } from '../../src/operate/backfill.ts'
import { eraseUser } from '../../src/operate/erase.ts'
import { changeFederation } from '../../src/operate/federation.ts'
import { provisionAccounts } from '../../src/operate/provision.ts'
import { repair, type RepairEvents } from '../../src/operate/repair.ts'
import { auditUsers } from '../../src/operate/survey.ts'
import { damage, readyAccount } from '../support/damage.ts'
import { federate } from '../support/policy.ts'
import { type Random, randomFrom } from '../support/random.ts'
import { listRecords } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

const HANDLES = ['alice', 'bob', 'carol', 'dave', 'erin']
const USERS = HANDLES.map((_, i) => `u${i + 1}`)
const never = new AbortController().signal
const quiet = (): void => {}
const unheard = { onLeftOut: quiet, onDeletions: quiet }
const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

describe('a command', () => {
  let site: Site
  let posts = 0

  beforeAll(async () => {
    site = await signedUpSite(HANDLES, { env: { PDS_RATE_LIMITS: 'off' } })
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const post = (user: string) => site.app.moods.post(user, { mood: `post ${++posts}` })

  async function moodsOf(user: string): Promise<readonly Mood[]> {
    return site.app.store.moods.history(user, null, 1000)
  }

  async function countPublished(users: readonly string[]): Promise<number> {
    const moods = (await Promise.all(users.map(moodsOf))).flat()
    return moods.filter(({ sync }) => sync.state === 'published').length
  }

  /** Revision of each user's repo, as the PDS names it. */
  async function revisions(): Promise<Record<string, string | undefined>> {
    const revs = await site.app.client.revisions(site.app.pdsUrl)
    if (revs.kind !== 'ok') throw new Error(revs.kind)
    const accounts = await Promise.all(USERS.map((user) => site.app.store.accounts.byUser(user)))
    return Object.fromEntries(
      accounts.map((account, i) => [USERS[i], isReady(account) ? revs.value.get(account.did) : undefined]),
    )
  }

  /** Everybody has published, pending and damaged moods. */
  async function prepare(random: Random, kinds: readonly FindingKind[]): Promise<void> {
    await federate(site.app.store, { mode: 'on' })
    for (const user of USERS) for (let i = 0; i < 3; i++) await post(user)
    await site.app.engine.drain()
    for (const user of USERS) {
      const [first, second] = (await moodsOf(user)).filter(({ sync }) => sync.state === 'published').toReversed()
      await damage(site.app, random.pick(kinds), first!)
      if (random.next() < 0.5) await damage(site.app, random.pick(kinds), second!)
      if (random.next() < 0.5) await post(user)
    }
  }

  /** Each record of the users, as user and key. */
  async function keysOfAll(): Promise<string[]> {
    const repos = USERS.map(async (user) => {
      const { pds, did } = await readyAccount(site.app, user)
      return (await listRecords(pds, did)).map(({ uri }) => `${user} ${uri.split('/').at(-1)}`)
    })
    return (await Promise.all(repos)).flat()
  }

  /** What an audit finds of each user, apart from moods that are on their way. */
  async function findings(): Promise<Record<string, unknown>> {
    const { users } = await auditUsers(site.app, [], {}, quiet, never)
    return Object.fromEntries(
      users.map(({ user, findings: found }) => [user, found.map(({ kind, rkey }) => [kind, rkey])]),
    )
  }

  /** Notes each deletion that a repair announces, as user and key. */
  function listing(into: string[]): RepairEvents {
    return {
      ...unheard,
      onDeletions: ({ user }, deletions) => into.push(...deletions.map(({ rkey }) => `${user} ${rkey}`)),
    }
  }

  function randomPolicy(random: Random): FederationPolicy {
    const allow = HANDLES.filter(() => random.next() < 0.5)
    const mode = random.pick(['off', 'allow', 'percent', 'on'] as const)
    return { mode, percent: random.below(101), allow }
  }

  /** Users whom the policy in force includes. */
  async function included(): Promise<string[]> {
    const policy = inForce(await site.app.store.policy.get())
    return USERS.filter((user, i) => federates(policy, user, HANDLES[i]!))
  }

  /** The names of some users, as operators give them; none for all of them. */
  function someNames(random: Random): string[] {
    return random.next() < 0.3 ? [] : HANDLES.filter(() => random.next() < 0.4).map((handle) => `@${handle}`)
  }

  function usersOf(names: readonly string[]): string[] {
    return names.length === 0 ? USERS : USERS.filter((_, i) => names.includes(`@${HANDLES[i]}`))
  }

  /** Does it, and checks that only these users' repos have moved, if any. */
  async function onlyMoving<T>(users: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = await revisions()
    const result = await work()
    const after = await revisions()
    const moved = USERS.filter((user) => before[user] !== after[user])
    expect(moved.filter((user) => !users.includes(user))).toEqual([])
    return result
  }

  it.each(seeds)(
    'backfill publishes what it announced, for those it names and the policy includes (seed %i)',
    async (seed) => {
      const random = randomFrom(seed)
      await prepare(random, ['missing', 'unlinked'])
      await federate(site.app.store, randomPolicy(random))
      const names = someNames(random)
      const named = usersOf(names)
      const isIncluded = await included()
      const chosen = named.filter((user) => isIncluded.includes(user))
      const dry = await onlyMoving([], () =>
        backfill(site.app, names, { delayMs: 0, execute: false, relayAccountLimit: 100 }, quiet, quiet, never),
      )
      // One commit, which is one event, for each user.
      expect(dry.relay?.events).toBe(dry.users.filter(({ migrated }) => migrated > 0).length)
      const before = await countPublished(USERS)
      const execute = () => backfill(site.app, names, { delayMs: 0, execute: true }, quiet, quiet, never)
      if (chosen.length === 0 || (names.length > 0 && chosen.length < named.length)) {
        await onlyMoving([], () => expect(execute()).rejects.toThrow(/left out: federation is .*moods federation/s))
        expect(await countPublished(USERS)).toBe(before)
        return
      }
      const { overall } = await onlyMoving(chosen, execute)
      expect(overall).toMatchObject({ migrated: dry.overall.migrated, failed: 0 })
      expect((await countPublished(USERS)) - before).toBe(dry.overall.migrated)
    },
    30_000,
  )

  it.each(seeds)(
    'repair mends what it announced, in no other repository (seed %i)',
    async (seed) => {
      const random = randomFrom(seed)
      await prepare(random, REPAIRED)
      const found = await findings()
      await federate(site.app.store, randomPolicy(random))
      expect(await findings()).toEqual(found)
      const names = someNames(random)
      const before = await keysOfAll()
      const planned: string[] = []
      const dry = await onlyMoving([], () =>
        repair(site.app, names, { execute: false }, listing(planned), quiet, never),
      )
      const announced: string[] = []
      const done = await onlyMoving(usersOf(names), () =>
        repair(site.app, names, { execute: true }, listing(announced), quiet, never),
      )
      expect([done.ordered, done.leftAlone]).toEqual([dry.ordered, dry.leftAlone])
      expect([done.left, done.after?.leftAlone]).toEqual([0, done.leftAlone])
      const after = await keysOfAll()
      const deleted = before.filter((key) => !after.includes(key))
      expect([planned.toSorted(), announced.toSorted()]).toEqual([deleted.toSorted(), deleted.toSorted()])
      for (let time = 0; time < 2; time++) {
        const again = await onlyMoving([], () => repair(site.app, names, { execute: true }, unheard, quiet, never))
        expect([again.ordered, again.leftAlone]).toEqual([{}, done.leftAlone])
      }
      await federate(site.app.store, { mode: 'on' })
      const letIn = await repair(site.app, [], { execute: true }, unheard, quiet, never)
      expect([letIn.leftAlone, letIn.left, letIn.after?.findings]).toEqual([{}, 0, {}])
    },
    90_000,
  )

  it('repair says whom federation leaves out, and publishes nothing for them', async () => {
    await prepare(randomFrom(1), ['missing'])
    await federate(site.app.store, { mode: 'allow', allow: ['bob'] })
    const said: string[] = []
    const { ordered } = await onlyMoving(['u2'], () =>
      repair(site.app, [], { execute: true }, { ...unheard, onLeftOut: (text) => said.push(text) }, quiet, never),
    )
    expect(ordered).toEqual({ missing: expect.any(Number) })
    expect(said).toEqual([
      expect.stringMatching(/^4 of 5 users are left out: federation is on for @bob only, since .* by a test\./),
    ])
  })

  it('accounts provision makes the accounts that it announced, and publishes nothing', async () => {
    const { app } = site
    for (const mode of ['off', 'on'] as const) {
      await federate(app.store, { mode })
      for (const user of USERS) await post(user)
      for (const n of [1, 2]) {
        await app.store.accounts.claimHandle(`new-${mode}-${n}`, `new-${mode}-${n}`)
        await post(`new-${mode}-${n}`)
      }
      const names = [`@new-${mode}-1`]
      const deps = { ...app, config: { relayAccountLimit: 100 } }
      const provision = (execute: boolean) => provisionAccounts(deps, names, execute, quiet, quiet, never)
      const { planned, relay } = await onlyMoving([], () => provision(false))
      const { result } = await onlyMoving([], () => provision(true))
      const { states } = await app.store.accounts.count()
      expect(relay).toEqual({ accountLimit: 100, events: 4, leastMs: 0, accounts: states.ready })
      expect([planned.none, result?.made.map(({ user }) => user)]).toEqual([1, [`new-${mode}-1`]])
      expect(await app.store.accounts.byUser(`new-${mode}-2`)).toBeNull()
      const account = await app.store.accounts.byUser(`new-${mode}-1`)
      expect(await listRecords(app.pdsUrl, account!.did!)).toEqual([])
    }
  })

  it.each(seeds)(
    'federation lets out and holds what it announced (seed %i)',
    async (seed) => {
      const { app } = site
      const random = randomFrom(seed)
      await federate(app.store, randomPolicy(random))
      for (const user of USERS) if (random.next() < 0.7) await post(user)
      await app.engine.drain()
      for (const user of USERS) if (random.next() < 0.5) await post(user)
      const { mode, percent, allow } = randomPolicy(random)
      const change = (execute: boolean) => {
        const list = { how: 'replace', names: allow.map((handle) => `@${handle}`) } as const
        const how = { change: { mode, percent, list }, by: 'an operator', reason: `seed ${seed}`, execute }
        return changeFederation(app, how, quiet, quiet, never)
      }
      const dry = await onlyMoving([], () => change(false))
      const done = await onlyMoving([], () => change(true))
      expect(done.effects).toEqual(dry.effects)
      const before = await countPublished(USERS)
      await onlyMoving(await included(), () => app.engine.drain())
      expect((await countPublished(USERS)) - before).toBe(dry.effects.released.moods + dry.effects.underWay.moods)
      const { states } = await app.store.work.count()
      expect(states.pending).toBe(0)
      const authors = await app.store.moods.authors('', 100)
      const moods = (await Promise.all(authors.map(moodsOf))).flat()
      const heldNow = moods.filter(({ sync }) => sync.hold === 'federation_off').length
      expect(heldNow).toBe(dry.effects.held.moods + dry.effects.stillHeld.moods)
    },
    30_000,
  )

  it('an erasure moves no other repository, whatever they have due', async () => {
    const { app } = site
    await federate(app.store, { mode: 'on' })
    for (const user of USERS) await post(user)
    const events = { onExtent: quiet, onReceipt: quiet, onStep: quiet, onWaiting: quiet }
    const { erasure } = await onlyMoving(['u5'], () => eraseUser(app, 'u5', true, events, never))
    expect(erasure?.state).toBe('done')
  })
})
