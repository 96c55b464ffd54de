/**
 * Whatever stands between us and the PDS: nothing is believed that is not so, nothing is lost, and all is well soon after it
 * is gone, without anybody's help. Each test is one fault, at one method or all, during one kind of work. A run tries a
 * sample of them; `ODD_SERVERS=all` tries every one, `ODD_SERVERS=3/12` the third twelfth of them, `ODD_SERVERS='repos 1/4'` a
 * fourth of one kind, `ODD_SERVERS=WORDS` those whose title has the words, `SEED=7` another sample.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEPT_MS } from '../../src/pds/identities.ts'
import { DIRECTORIES, type DirectoryFault, OF_DOCUMENTS } from '../support/odd-faults/directories.ts'
import { KIND_NAMES, type KindName, KINDS } from '../support/odd-faults/index.ts'
import { type Fault, OddServer } from '../support/odd-server.ts'
import { type Trial, Trials } from '../support/odd-trial.ts'
import { READS, WORK_NAMES, type WorkName, WORKS } from '../support/odd-work.ts'
import { randomFrom } from '../support/random.ts'
import { createSite, type Site } from '../support/site.ts'
import { chosenStore, STORES } from '../support/stores.ts'

const SEED = Number(process.env['SEED'] ?? 20_261)
const CHOSEN = process.env['ODD_SERVERS'] ?? ''
const TIMEOUT_MS = 600

/** Every way in which a fault can spoil a kind of work. */
function trialsOf(fault: Fault, work: WorkName): Trial[] {
  const needed: readonly (readonly string[])[] = WORKS[work].methods
  if (fault.methods === undefined) return [null, READS, ...needed].map((methods) => ({ work, fault, methods }))
  const isNeeded = fault.methods.some((method) => needed.flat().includes(method))
  return isNeeded ? [{ work, fault, methods: fault.methods }] : []
}

/** @param where a fault that spoils no method in particular is */
function titleOf({ work, fault, methods }: Trial, where = 'everything'): string {
  return `${work}: ${fault.name}, at ${methods?.map((method) => method.split('.').at(-1)).join(' and ') ?? where}`
}

const DIRECTORY = 'the directory'

/** Kinds of answers that no PDS gives. */
const NO_ANSWERS: ReadonlySet<KindName> = new Set(['portals', 'redirects', 'gateways'])

function allOf(kind: KindName): Trial[] {
  return KINDS[kind].named.flatMap((fault) => WORK_NAMES.flatMap((work) => trialsOf(fault, work)))
}

function isTold(kind: KindName, { methods, fault }: Trial): boolean {
  return NO_ANSWERS.has(kind) && methods === null && !fault.livedWith
}

/** Of each kind of fault, one for each kind of work, half of them on each store; and where more can be made up, one of those. */
function sampleOf(kind: KindName): Trial[] {
  const at = KIND_NAMES.indexOf(kind)
  const isOther = chosenStore() !== STORES.sqlite
  const random = randomFrom(2 * (SEED + at) + Number(isOther))
  const all = allOf(kind)
  const chosen = WORK_NAMES.filter((_, i) => (i + at) % 2 === Number(isOther)).flatMap((work) => {
    const some = all.filter((trial) => trial.work === work)
    return some.length > 0 ? [random.pick(some)] : []
  })
  const { any } = KINDS[kind] as { any?: (from: typeof random) => Fault }
  return any ? [...chosen, random.pick(trialsOf(any(random), random.pick(WORK_NAMES)))] : chosen
}

/** What has gone wrong before, or would be the worst: tried in every run. */
const ALWAYS = [
  'post: a write of another record, at putRecord',
  'post: 307 to another origin, at putRecord',
  'post many: a portal answers with JSON, at applyWrites',
  'delete: 301 to another origin, at everything',
  'edit: 403 with a message, at everything',
  'backfill: 429 for ten years as XRPC, at applyWrites',
  'audit: the same page with one cursor, at getRepo and listRepos and listRecords',
  'erase: account deleted, says an object, at deleteAccount',
  'erase: account deleted, says a portal, at deleteAccount',
  'post: a session with tokens that are none, at createSession and refreshSession',
  'sign up: an account of nobody, at createAccount',
  'audit: 204 with a body, at getRepo',
  'erase: a document without services, at the directory',
]

type DirectoryTrial = Trial & { readonly fault: DirectoryFault }

/** A directory is asked for one thing only. */
function allOfDirectory(): DirectoryTrial[] {
  return DIRECTORIES.flatMap((fault) => WORK_NAMES.map((work) => ({ work, fault, methods: null })))
}

/** Of what an answer may say, one for each kind of work; of what is no answer, one. */
function sampleOfDirectory(): DirectoryTrial[] {
  const random = randomFrom(SEED)
  const isOther = chosenStore() !== STORES.sqlite
  const ofDocuments = allOfDirectory().filter(({ fault }) => OF_DOCUMENTS.has(fault.name))
  const ofNone = allOfDirectory().filter(({ fault }) => !OF_DOCUMENTS.has(fault.name))
  const works = WORK_NAMES.filter((_, i) => i % 2 === Number(isOther))
  return [...works.map((work) => random.pick(ofDocuments.filter((trial) => trial.work === work))), random.pick(ofNone)]
}

function chosenOfDirectory(): DirectoryTrial[] {
  const all = allOfDirectory()
  if (PART) return partOf('directories', all, PART)
  if (CHOSEN !== '') return CHOSEN === 'all' ? all : all.filter((trial) => titleOf(trial, DIRECTORY).includes(CHOSEN))
  return [...sampleOfDirectory(), ...all.filter((trial) => ALWAYS.includes(titleOf(trial, DIRECTORY)))]
}

/** Such as `3/12`, or `repos 1/4` of one kind. */
const PART = /^(?:(\w+) )?(\d+)\/(\d+)$/.exec(CHOSEN)

/** One of several parts of all trials, each with something of every kind, or of one kind. */
function partOf<T extends Trial>(
  kind: KindName | 'directories',
  all: readonly T[],
  [, only, part, parts]: string[],
): T[] {
  if (only !== undefined && only !== kind) return []
  return all.filter((_, i) => i % Number(parts) === Number(part) - 1)
}

function chosenOf(kind: KindName): Trial[] {
  const all = allOf(kind)
  if (PART) return partOf(kind, all, PART)
  if (CHOSEN === '') {
    const always = all.filter((trial) => ALWAYS.includes(titleOf(trial)))
    const titles = new Set(ALWAYS)
    return [...always, ...sampleOf(kind).filter((trial) => !titles.has(titleOf(trial)))]
  }
  return CHOSEN === 'all' ? all : all.filter((trial) => titleOf(trial).includes(CHOSEN))
}

async function bothEnd(...servers: readonly OddServer[]): Promise<void> {
  for (const server of servers) await server[Symbol.asyncDispose]()
}

describe('odd servers', () => {
  let site: Site
  let odd: OddServer
  /** Before the PLC directory. */
  let directory: OddServer
  let trials: Trials
  let ofDirectory: Trials
  /** Trials of which the server had something to spoil, and all. */
  const tried = { spoiled: 0, all: 0 }

  beforeAll(async () => {
    const env = { PDS_TIMEOUT_MS: String(TIMEOUT_MS), PDS_RATE_LIMITS: 'off', ERASE_PDS_ACCOUNT: 'true' }
    site = await createSite(env, {}, async (pdsUrl, plcUrl) => {
      odd = await OddServer.start(pdsUrl)
      directory = await OddServer.start(plcUrl)
      return { url: odd.url, plcUrl: directory.url, [Symbol.asyncDispose]: () => bothEnd(odd, directory) }
    })
    await site.pds.up()
    trials = new Trials(site, odd)
    ofDirectory = new Trials(site, directory, { name: 'p', quietMs: KEPT_MS })
  })
  afterAll(() => site[Symbol.asyncDispose]())

  describe.each(KIND_NAMES.filter((kind) => chosenOf(kind).length > 0))('%s', (kind) => {
    it.each(chosenOf(kind).map((trial) => [titleOf(trial), trial] as const))('%s', async (_, trial) => {
      const { problems, spoiled } = await trials.run(trial, isTold(kind, trial))
      tried.all++
      if (spoiled > 0) tried.spoiled++
      expect(problems).toEqual([])
    })
  })

  describe.runIf(chosenOfDirectory().length > 0)('directories', () => {
    it.each(chosenOfDirectory().map((trial) => [titleOf(trial, DIRECTORY), trial] as const))('%s', async (_, trial) => {
      const { problems, spoiled } = await ofDirectory.run(trial, false, trial.fault.isBelieved)
      tried.all++
      if (spoiled > 0) tried.spoiled++
      expect(problems).toEqual([])
    })
  })

  it('what is tried in every run is there', () => {
    const titles = new Set([
      ...KIND_NAMES.flatMap(allOf).map((trial) => titleOf(trial)),
      ...allOfDirectory().map((trial) => titleOf(trial, DIRECTORY)),
    ])
    expect(ALWAYS.filter((title) => !titles.has(title))).toEqual([])
  })

  it.runIf(CHOSEN === '')('most of these faults were met', () => {
    expect(tried.spoiled).toBeGreaterThan(tried.all / 2)
  })
})
