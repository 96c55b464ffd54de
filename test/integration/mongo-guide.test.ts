/**
 * The guides to a launch and to the way back, word for word: every line of their blocks of shell is run as it stands there,
 * on an existing database, beside a worker whose environment says something else than that of the commands. After each line,
 * every repository of the PDS is looked at: only those that the line names, or that the policy includes, may have moved.
 *
 * On a larger database: `GUIDE_USERS=1000 GUIDE_MOODS=12 npx vitest run test/integration/mongo-guide.test.ts`.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import type { Backfill } from '../../src/operate/backfill.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { startDns } from '../support/dns.ts'
import { exportedNames, shellLines, wordsOf } from '../support/guide.ts'
import { temporaryFolder } from '../support/installation.ts'
import { fillLegacy, legacyId, legacyUser, moreOddMoods, ODD } from '../support/legacy.ts'
import { runMoods, ServerProcess } from '../support/process.ts'
import { eventually, listRecords, makeForeignAccount, revisions } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const LAUNCH = shellLines('docs/guides/launch.md', 'The way back')
const ROLLBACK = shellLines('docs/guides/rollback.md')

const { uri } = inject('mongo')!
const database = anyDatabase()
const cleanup = new AsyncDisposableStack()
let db: Db
let site: Site
let worker: ServerProcess
/** Where the commands run, and leave their files. */
let folder = ''
/** Environment of the commands. */
let env: Record<string, string> = {}
/** Of the authority of the lexicon, who is no user. */
let authority = ''
let nameServer = ''

const USERS = Array.from({ length: Number(process.env['GUIDE_USERS'] ?? 30) }, (_, i) => i + 1)
/** In the guide by name; in the ten per cent; in neither. */
const [JEFFREY, SHARE, OTHER] = [1, 2, 3] as const
/** Moods that each user has from before, and those of the first user besides that a record can hold. */
const HISTORY = Number(process.env['GUIDE_MOODS'] ?? 4)
const ODD_HISTORY = 15
/** One mood in a hundred, besides those of the first user: of these five, two can be mended. */
const ODDER = moreOddMoods(Math.round((USERS.length * HISTORY) / 100), USERS.length)
const MENDED = 2 + ODDER.filter(({ end }) => end !== 'by_hand').length

const isLarge = USERS.length > 100
/** Everything that is done for each user takes longer with more of them. */
const MS = isLarge ? 3_600_000 : 240_000

beforeAll(async () => {
  const client = await new MongoClient(uri).connect()
  cleanup.defer(() => client.close())
  db = client.db(database)
  cleanup.defer(async () => void (await db.dropDatabase()))
  // Before anything of the product has opened it: an existing database.
  await fillLegacy(db, Object.fromEntries(USERS.map((n) => [n, {}])), { users: USERS.length, moods: HISTORY })
  await db.collection('moods').insertMany(ODDER.map(({ document }) => document))
  // This server is the first process. What its environment says would publish everything, and is not followed.
  const store = { MONGODB_URI: uri, MONGODB_NAME: database }
  // So many repositories would have to wait for the next five minutes again and again.
  const limits: Record<string, string> = isLarge ? { PDS_RATE_LIMITS: 'off' } : {}
  site = cleanup.use(await createSite({ ...store, ...limits, FEDERATION: 'on' }))
  await site.pds.up()
  const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
  const account = (handle: string, password: string) =>
    makeForeignAccount(site.app.pdsUrl, pdsAdminPassword, handle, password)
  authority = await account('authority.test', 'a password')
  const did = await account('jeffrey.test', 'plain-1')
  const { sub } = legacyUser(JEFFREY)
  await db
    .collection('users')
    .updateOne({ _id: sub as never }, { $set: { atproto: { did, handle: 'jeffrey.test', password: 'plain-1' } } })
  await db.collection('@handles').updateOne({ _id: sub as never }, { $set: { handle: 'jeffrey' } })
  folder = cleanup.use(await temporaryFolder()).path
  nameServer = cleanup.use(await startDns({ '_lexicon.aesthetic.computer': [`did=${authority}`] })).address
  env = { ...site.env, LEXICON_DID: authority, LEXICON_PASSWORD: 'a password' }
  const command = [
    process.execPath,
    ['bin/moods.js', 'worker'],
    { ...env, FEDERATION: 'on', LOG_LEVEL: 'info' },
  ] as const
  worker = cleanup.use(await ServerProcess.run(...command))
})
afterAll(() => cleanup.disposeAsync())

/** Whether a user is among the first `percent` of a hundred: users are ordered by a hash of their names. */
function isInShare(n: number, percent: number): boolean {
  const hash = createHash('sha256')
    .update(`federation\n${legacyUser(n).sub}`)
    .digest()
  return hash.readUInt32BE(0) % 10_000 < percent * 100
}

/** Users whom a policy includes. */
const INCLUDED = {
  off: [],
  allow: [JEFFREY],
  percent: USERS.filter((n) => n === JEFFREY || isInShare(n, 10)),
  on: USERS,
}

/**
 * - `held`: not in the repo, since federation leaves its author out;
 * - `out`: in the repo, and the database knows it;
 * - `forgotten`: in the repo, and the database knows nothing of it;
 * - `deleted`: not in the repo any more; waits for a backfill.
 */
type PostState = 'held' | 'out' | 'forgotten' | 'deleted'

/** What the repositories should hold: worked out from the lines that were run, and not read from the product. */
const model = {
  policy: 'off' as keyof typeof INCLUDED,
  /** Users whose history is in their repos. */
  migrated: new Set<number>(),
  posts: [] as { readonly id: string; readonly author: number; state: PostState }[],
}

function becomes(from: PostState, to: PostState, users: readonly number[] = USERS): number[] {
  const changed = model.posts.filter(({ state, author }) => state === from && users.includes(author))
  for (const each of changed) each.state = to
  return [...new Set(changed.map(({ author }) => author))]
}

/** What goes out under the policy by itself. @returns whose it is */
const release = (): number[] => becomes('held', 'out', INCLUDED[model.policy])

/** What a backfill publishes, and what it finds published. @returns whose repos move */
function migrate(users: readonly number[]): number[] {
  becomes('forgotten', 'out', users)
  becomes('deleted', 'out', users)
  const moving = users.filter((n) => !model.migrated.has(n))
  for (const n of moving) model.migrated.add(n)
  return moving
}

function deleteAll(): number[] {
  becomes('forgotten', 'deleted')
  model.migrated.clear()
  return USERS
}

function recordsOf(n: number): number {
  const mended = ODDER.filter((odd) => odd.n === n && odd.end === 'public').length
  const history = model.migrated.has(n) ? HISTORY + mended + (n === JEFFREY ? ODD_HISTORY : 0) : 0
  const isThere = (state: PostState): boolean => state === 'out' || state === 'forgotten'
  return history + model.posts.filter(({ author, state }) => author === n && isThere(state)).length
}

/** Users by the DIDs of their repos, as far as they have one. */
async function repos(): Promise<ReadonlyMap<string, number>> {
  const users = await db.collection('users').find().toArray()
  const dids = new Map(users.map(({ _id, atproto }) => [String(_id), (atproto as Document | null)?.['did'] as unknown]))
  return new Map(
    USERS.flatMap((n) => {
      const did = dids.get(legacyUser(n).sub)
      return typeof did === 'string' ? [[did, n] as const] : []
    }),
  )
}

const looks = new Map<string, { readonly rev: string; readonly records: number }>()

/** How many records a repo holds: asked for again once it has moved. @param rev of the repo, read before */
async function recordsIn(did: string, rev: string): Promise<number> {
  const known = looks.get(did)
  if (known?.rev === rev) return known.records
  const records = (await listRecords(site.app.pdsUrl, did)).length
  looks.set(did, { rev, records })
  return records
}

/** Resolves once every repo holds what the model says, and every mood that is held back is known to be. */
async function settled(what: string): Promise<void> {
  let different: unknown[] = []
  const isSettled = async (): Promise<boolean> => {
    const revs = await revisions(site.app.pdsUrl)
    const counts: (readonly [number, number])[] = []
    for (const [did, n] of await repos()) counts.push([n, await recordsIn(did, revs.get(did) ?? '')])
    different = counts
      .filter(([n, count]) => count !== recordsOf(n))
      .map(([n, count]) => ({ n, count, not: recordsOf(n) }))
    for (const { id, state } of model.posts) {
      const mood = await site.app.store.moods.byId(id)
      const isWell = state === 'out' ? mood?.sync.state === 'published' : mood?.sync.state === 'local'
      if (!isWell) different.push({ id, state, is: mood?.sync.state, hold: mood?.sync.hold })
    }
    return different.length === 0
  }
  await eventually(what, isSettled).catch((error: unknown) => {
    throw new Error(JSON.stringify(different), { cause: error })
  })
}

let before: ReadonlyMap<string, string> = new Map()

/** Repos that have moved since the last call: numbers of users, and DIDs of others. New ones hold no record of a mood. */
async function moved(): Promise<(number | string)[]> {
  const after = await revisions(site.app.pdsUrl)
  const known = await repos()
  const changed = [...after].filter(([did, rev]) => before.has(did) && before.get(did) !== rev)
  before = after
  return changed.map(([did]) => known.get(did) ?? did).toSorted()
}

/** Users post, each one mood, which is in their repos or held back, as the policy says. */
async function post(): Promise<void> {
  const authors = [JEFFREY, SHARE, OTHER]
  for (const author of authors) {
    const text = `post ${model.posts.length} while federation is ${model.policy}`
    const { mood } = await site.app.moods.post(legacyUser(author).sub, { mood: text })
    model.posts.push({ id: mood.id, author, state: 'held' })
  }
  const released = release()
  await settled(`posts while federation is ${model.policy}`)
  expect(await moved()).toEqual(released)
}

/** What a line of the guide does. Lines that are not named move no repo and end with 0. */
interface Effect {
  /** Puts this policy in force. */
  readonly policy?: keyof typeof INCLUDED
  /** @returns users whose repos move, or DIDs */
  readonly moves?: () => readonly (number | string)[]
  readonly says?: RegExp
  /** What it ends with; 0 if not said. */
  readonly code?: number
  /** What is added to the line, since this is a test. */
  readonly added?: () => string
  /** What the operator does in the database when it is done. */
  readonly byHand?: () => Promise<void>
  /** Users post when it is done. */
  readonly thenPost?: boolean
}

const CLEAN = new RegExp(
  `in step +100\\.00 % of [^\n]*\nchecks passed +${USERS.length} of ${USERS.length} repositories`,
)

const EFFECTS: Readonly<Record<string, Effect>> = {
  federation: {
    says: /^Federation is off, since .* by the first start on .*: a new installation on an existing database/,
  },
  'accounts list --without': { says: /legacy-7/ },
  'data check': { says: new RegExp(`${5 + ODDER.length} of them odd, of which ${MENDED} can be mended`), code: 3 },
  'data mend --execute': { says: new RegExp(`\\b${MENDED} documents mended`), code: 3, byHand: correctTheRest },
  'lexicon publish --did "$LEXICON_DID" --execute': { moves: () => [authority] },
  // The name server of the domain is not the test's to change: it asks one that has the record.
  'lexicon check': { added: () => `--name-server ${nameServer}` },
  'federation allow @jeffrey': { says: /let out +1 mood of 1 user,/ },
  "federation allow @jeffrey --reason 'the first user' --execute": { policy: 'allow', thenPost: true },
  'doctor --live @jeffrey': { moves: () => [JEFFREY] },
  'backfill @jeffrey': { says: new RegExp(`would be +${HISTORY + ODD_HISTORY}\n`) },
  'backfill @jeffrey --execute': {
    moves: () => migrate([JEFFREY]),
    says: new RegExp(`migrated +${HISTORY + ODD_HISTORY}\n`),
  },
  'audit @jeffrey --verify': { says: /checks passed +1 of 1 repository/ },
  "federation percent 10 --reason 'ten per cent' --execute": { policy: 'percent', thenPost: true },
  'backfill --limit-users 10 --execute': { moves: () => migrate(INCLUDED.percent.slice(0, 10)) },
  "federation on --reason 'launch' --execute": { policy: 'on', thenPost: true },
  'backfill --execute': { moves: () => migrate(INCLUDED[model.policy]) },
  'audit --all --verify': { says: CLEAN },
}

/** Corrects in the database what nothing converts. */
async function correctTheRest(): Promise<void> {
  const moods = db.collection('moods')
  const at = (n: number) => ({ _id: new ObjectId(legacyId(n)) })
  await moods.updateOne(at(ODD.noTime), { $set: { when: new Date('2024-01-01T00:00:00Z') } })
  await moods.updateOne(at(ODD.noText), { $set: { mood: 'found again' } })
  await moods.deleteOne(at(ODD.nobody))
  const rest = ODDER.filter(({ end }) => end === 'by_hand').map(({ document }): unknown => document['_id'])
  await moods.deleteMany({ _id: { $in: rest as ObjectId[] } })
}

async function run(
  line: string,
  { policy, moves, says, code: expectedCode = 0, added, byHand, thenPost = false }: Effect,
): Promise<void> {
  const words = wordsOf(added ? `${line} ${added()}` : line, env)
  const { code, stdout, stderr } = await runMoods(words, { ...env, FEDERATION: 'off' }, folder)
  const output = stderr + stdout
  if (isLarge) console.log(`${new Date().toISOString()} ${line} ended with ${code}`)
  expect([line, code, output]).toEqual([line, expectedCode, says ? expect.stringMatching(says) : output])
  await byHand?.()
  if (policy) model.policy = policy
  const expected = policy ? release() : (moves?.() ?? [])
  await settled(line)
  expect([line, await moved()]).toEqual([line, expected.toSorted()])
  if (thenPost) await post()
}

/** The lines of the way back, there and back again, twice: an undo has to follow what it takes back. */
const WAY_BACK: readonly (readonly [string, Effect?])[] = [
  ['federation off', { says: /held +0 moods of 0 users.*withdrawn +nothing/s }],
  ["federation off --reason 'too many complaints' --execute", { policy: 'off', thenPost: true }],
  ['rollback --strip-references'],
  ['rollback --strip-references --execute', { moves: () => (becomes('out', 'forgotten'), []) }],
  ['rollback --strip-references --undo --execute', { moves: () => (becomes('forgotten', 'out'), []) }],
  ['federation allow @jeffrey --execute', { policy: 'allow' }],
  ['federation percent 10 --execute', { policy: 'percent', thenPost: true }],
  ['federation on --execute', { policy: 'on' }],
  ['backfill', { says: /would be +0\n/ }],
  ['backfill --execute', { moves: () => migrate(USERS) }],

  ["federation off --reason 'too many complaints' --execute", { policy: 'off' }],
  ['rollback --strip-references --execute', { moves: () => (becomes('out', 'forgotten'), []) }],
  ['rollback --delete-records'],
  ['rollback --delete-records --execute', { moves: deleteAll }],
  ['federation allow @jeffrey --execute', { policy: 'allow', thenPost: true }],
  ['federation percent 10 --execute', { policy: 'percent' }],
  ['federation on --execute', { policy: 'on', thenPost: true }],
  ['backfill --execute', { moves: () => migrate(USERS) }],
]

const NPX = 'npx moods '

it('the guides set what the commands need to know, and this test knows every line of them', () => {
  const lines = [...LAUNCH, ...ROLLBACK]
  const names = exportedNames(lines)
  expect(names).toContain('MOODS_SEAL_KEY')
  expect(names.filter((name) => env[name] === undefined)).toEqual([])
  expect(lines.filter((line) => !line.startsWith('export ') && !line.startsWith(NPX))).toEqual([])
  expect(Object.keys(EFFECTS).filter((command) => !LAUNCH.includes(NPX + command))).toEqual([])
  expect(new Set(WAY_BACK.map(([command]) => NPX + command))).toEqual(new Set(ROLLBACK))
})

it(
  'the launch guide leads from an existing database to a verified launch',
  async () => {
    before = await revisions(site.app.pdsUrl)
    await post()
    for (const line of LAUNCH.filter((each) => each.startsWith(NPX))) {
      const command = line.slice(NPX.length)
      await run(command, EFFECTS[command] ?? {})
    }
    expect(model.migrated).toEqual(new Set(USERS))
  },
  MS,
)

it(
  'the way back leads back, and forward again',
  async () => {
    for (const [command, effect = {}] of WAY_BACK) await run(command, effect)
    await run('audit --all --verify', { says: CLEAN })
    const { overall } = JSON.parse(readFileSync(`${folder}/backfill-report.json`, 'utf8')) as Backfill
    expect(overall).toMatchObject({ users: USERS.length, withAccount: USERS.length, failed: 0 })
  },
  MS,
)

it('the worker has followed every change, against its environment, and nothing has gone wrong in it', async () => {
  const { version } = (await site.app.store.policy.get())!
  const followed = worker.log.filter(({ msg }) => msg === 'policy followed').map(({ policyVersion }) => policyVersion)
  expect(followed).toEqual(Array.from({ length: version - 1 }, (_, i) => i + 2))
  expect(worker.log.find(({ msg }) => msg === 'started')).toMatchObject({
    federation: 'off',
    environment: 'on for all users',
  })
  expect(worker.log.filter(({ level }) => Number(level) >= 50)).toEqual([])
})
