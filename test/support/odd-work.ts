/** What people and operators do while a server is odd: each of it begins, and is done or not, by the PDS and the database. */

import type { Timer } from '../../src/ports/clock.ts'
import { auditUser, unchangedSince } from '../../src/operate/audit.ts'
import { Hosts } from '../../src/operate/hosts.ts'
import { backfill } from '../../src/operate/backfill.ts'
import { wrongBeliefs } from './beliefs.ts'
import { differences } from './oracle.ts'
import { primaryOf } from './primary.ts'
import { listRecords } from './repo.ts'
import type { Site } from './site.ts'

/** A user and what belongs to it. */
export interface Actor {
  readonly user: string
  readonly handle: string
  did: string | null
  /** Receipt of its erasure. */
  receipt: string | null
}

/** Waits as a command does. */
interface Waiting {
  readonly timer: Timer
  readonly stop: AbortSignal
}

/** What goes on. */
interface Work {
  /** Methods of a PDS that it needs, or that it needs once something has gone wrong; those of one entry go wrong together. */
  readonly methods: readonly (readonly string[])[]
  /** What has to be there before. */
  prepare(site: Site, actor: Actor): Promise<void>
  /** What is asked for. @returns what it says that is not so */
  begin(site: Site, actor: Actor, waiting: Waiting): Promise<readonly string[]>
}

const [PUT, BATCH, DELETE] = [
  'com.atproto.repo.putRecord',
  'com.atproto.repo.applyWrites',
  'com.atproto.repo.deleteRecord',
]
const [ONE, WHOLE] = ['com.atproto.repo.getRecord', 'com.atproto.sync.getRepo']
/** Every way in which a repo can be read. */
export const READS = [
  ONE,
  WHOLE,
  'com.atproto.sync.getRecord',
  'com.atproto.sync.getBlocks',
  'com.atproto.repo.listRecords',
]
const REFRESH = 'com.atproto.server.refreshSession'
const SESSIONS = [REFRESH, 'com.atproto.server.createSession']
const DESCRIBE = 'com.atproto.server.describeServer'
/** What any writing may need. */
const ANY = [[DESCRIBE], [REFRESH], SESSIONS]

/** More than are read one by one, and than are written without a batch. */
const MANY = 12

export async function signUp(site: Site, actor: Actor): Promise<void> {
  await site.app.accounts.signUp(actor.user, actor.handle)
  await settled(site, actor)
}

/** Waits until the engine has done all there is; on a busy machine even a good PDS may miss a request. */
async function settled(site: Site, actor: Actor): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    await site.app.engine.drain()
    if ((await leftToDo(site, actor)).length === 0) return
    site.forward(15_000)
  }
  throw new Error(`nothing to begin with: ${(await leftToDo(site, actor)).join('; ')}`)
}

async function post({ app }: Site, { user }: Actor, count: number, what: string): Promise<void> {
  for (let i = 0; i < count; i++) await app.moods.post(user, { mood: `${what} ${i}` })
}

/** Ids of the moods that are published. */
async function published(site: Site, { user }: Actor): Promise<readonly string[]> {
  const rows = await primaryOf(site.dataFolder).moods()
  return rows.filter((row) => row.user === user && row.state === 'published' && !row.deleted).map(({ id }) => id)
}

async function withMoods(site: Site, actor: Actor): Promise<void> {
  await signUp(site, actor)
  await post(site, actor, 4, 'before')
  await settled(site, actor)
}

export const WORK_NAMES = ['post', 'post many', 'delete', 'edit', 'backfill', 'audit', 'erase', 'sign up'] as const
export type WorkName = (typeof WORK_NAMES)[number]

export const WORKS: Readonly<Record<WorkName, Work>> = {
  post: {
    methods: [[PUT], [ONE], ...ANY],
    prepare: withMoods,
    begin: async (site, actor) => {
      await post(site, actor, 1, 'now')
      return []
    },
  },
  'post many': {
    methods: [[BATCH], [WHOLE], [BATCH, PUT], ...ANY],
    prepare: withMoods,
    begin: async (site, actor) => {
      await post(site, actor, MANY, 'now')
      return []
    },
  },
  delete: {
    methods: [[DELETE], [ONE], ...ANY],
    prepare: withMoods,
    begin: async (site, actor) => {
      const [one] = await published(site, actor)
      await site.app.moods.delete(actor.user, one!, 'withdraw')
      return []
    },
  },
  edit: {
    methods: [[PUT], [DELETE], [PUT, DELETE, BATCH], [ONE], ...ANY],
    prepare: withMoods,
    begin: async (site, actor) => {
      const [one, two] = await published(site, actor)
      await site.app.moods.edit(actor.user, one!, { intensity: 7 })
      await site.app.moods.edit(actor.user, two!, { isPrivate: true })
      return []
    },
  },
  backfill: {
    methods: [[BATCH], [WHOLE], ...ANY],
    prepare: async (site, actor) => {
      await withMoods(site, actor)
      await post(site, actor, MANY, 'history')
    },
    begin: async ({ app }, { user }, { timer, stop }) => {
      const options = { delayMs: 0, execute: true }
      await backfill(
        { ...app, timer },
        [user],
        options,
        () => {},
        () => {},
        stop,
      )
      return []
    },
  },
  audit: {
    methods: [[WHOLE], ['com.atproto.sync.listRepos'], [DESCRIBE]],
    prepare: withMoods,
    begin: wrongAudit,
  },
  erase: {
    methods: [
      [WHOLE],
      [BATCH, DELETE],
      ['com.atproto.admin.deleteAccount'],
      ['com.atproto.sync.getRepoStatus'],
      ...ANY,
    ],
    prepare: withMoods,
    begin: async ({ app }, actor) => {
      actor.receipt = (await app.erasures.request(actor.user)).receipt
      return []
    },
  },
  'sign up': {
    methods: [
      ['com.atproto.server.createAccount'],
      ['com.atproto.server.createInviteCode'],
      ['com.atproto.sync.getRepoStatus'],
      SESSIONS,
      [BATCH, PUT],
      [DESCRIBE],
    ],
    prepare: async () => {},
    begin: async (site, actor) => {
      await site.app.accounts.signUp(actor.user, actor.handle)
      await post(site, actor, 2, 'first')
      return []
    },
  },
}

/** Audits a repo with which all is well. @returns what the audit says that is not so; a look that fails says nothing */
async function wrongAudit(
  { app, realPds }: Site,
  { user, did }: Actor,
  { timer, stop }: Waiting,
): Promise<readonly string[]> {
  const deps = { ...app, timer }
  const hosts = new Hosts(deps, stop)
  const result = await auditUser(deps, user, {}, hosts)
  if (result.kind !== 'audited') return []
  await unchangedSince(deps, [result.account], hosts)
  const there = (await listRecords(realPds, did!)).length
  const findings = result.audit.findings.map(({ kind }) => kind)
  const wrong = findings.length === 0 ? [] : [`an audit of ${user} found ${findings.join(', ')}`]
  const { records } = result.audit.counts
  if (records !== there) wrong.push(`an audit of ${user} saw ${records} records of ${there}`)
  return wrong
}

/** What is not yet as it should be in the end. */
export async function leftToDo(site: Site, actor: Actor): Promise<string[]> {
  const account = (await primaryOf(site.dataFolder).accounts()).find(({ user }) => user === actor.user)
  if (actor.receipt !== null) {
    const erasure = (await primaryOf(site.dataFolder).erasures()).find(({ receipt }) => receipt === actor.receipt)
    const left = erasure?.done['forgotten'] ? [] : [`the erasure of ${actor.user} is not finished`]
    return [...left, ...(await wrongBeliefs(site.realPds, site.dataFolder, [], new Map([[actor.receipt, actor]])))]
  }
  if (account?.did == null || account.state !== 'ready')
    return [`${actor.user} has no account: ${account?.error ?? ''}`]
  actor.did = account.did
  return differences(site.realPds, site.dataFolder, [account.did])
}
