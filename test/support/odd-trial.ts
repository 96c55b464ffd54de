/** Work that goes on while a server is odd, and after: what is believed, what is asked for, and what is left to do. */

import { MOVED } from '../../src/domain/moved.ts'
import { Events } from '../../src/observe/events.ts'
import { readHealth } from '../../src/operate/health.ts'
import type { Timer } from '../../src/ports/clock.ts'
import { FlaggedAccounts } from '../../src/sync/flagged.ts'
import { wrongBeliefs } from './beliefs.ts'
import { recordedLog } from './events.ts'
import type { Fault, OddServer } from './odd-server.ts'
import { type Actor, leftToDo, READS, signUp, type WorkName, WORKS } from './odd-work.ts'
import type { Site } from './site.ts'

export interface Trial {
  readonly work: WorkName
  readonly fault: Fault
  /** The methods that the fault spoils; null for every request. */
  readonly methods: readonly string[] | null
}

/** How a trial went. */
export interface Tried {
  /** None where all went as it must. */
  readonly problems: readonly string[]
  /** How many requests were answered oddly. */
  readonly spoiled: number
}

/** A round: so much later, the engine does whatever is due. */
const ROUND_MS = 20_000
/** Rounds for which the fault lasts. */
const ROUNDS = 5
/** Most requests that all work of a trial may send in that time. */
const MOST_REQUESTS = 300
/** How long work takes at most while a fault lasts that can be lived with, beyond the usual rounds. */
const LIVED_WITH_MINUTES = 2
/** How long a command waits, by the clock of the installation, before whoever runs it ends it. */
const PATIENCE_MS = 90_000
/** The longest that the engine may be at it, by a real clock, until it waits. */
const LONGEST_MS = 30_000
const LOGIN = 'com.atproto.server.createSession'
const REFRESH = 'com.atproto.server.refreshSession'
const TOKENS_LAST_MS = 2 * 60 * 60_000
const MINUTES_OF_LOGINS = 25 * 60

/** What is asked only after something else has gone wrong. */
const IN_DOUBT: ReadonlySet<string> = new Set([
  'com.atproto.repo.getRecord',
  'com.atproto.sync.getRecord',
  'com.atproto.sync.getRepo',
  'com.atproto.sync.getBlocks',
  'com.atproto.repo.listRecords',
  'com.atproto.server.describeServer',
])

/** What a post may need, so that nobody's posts go on while it is spoiled. */
const FOR_POSTS: ReadonlySet<string> = new Set([
  ...WORKS.post.methods.flat(),
  ...WORKS['post many'].methods.flat(),
  ...READS,
])

function needsDoubt({ work, methods }: Trial): boolean {
  if (methods === null) return false
  return methods.every((method) => IN_DOUBT.has(method)) || (work === 'sign up' && methods.includes(LOGIN))
}

/** What else is to be known of the server that is odd. */
export interface TrialsOptions {
  /** First letters of the names of those who work at it. */
  readonly name: string
  /** So long before a fault begins, in ms, nobody asks the server anything: what is kept of it is old by then. */
  readonly quietMs: number
}

export class Trials {
  readonly #site: Site
  readonly #odd: OddServer
  readonly #options: TrialsOptions
  /** A worker looks at what is refused; the oracle lets nothing be refused that should not be. */
  readonly #flagged: FlaggedAccounts
  #actors = 0
  /** Posts beside each trial, and has nothing to do with it. */
  #bystander: Actor | null = null

  constructor(site: Site, odd: OddServer, options: TrialsOptions = { name: 'u', quietMs: 0 }) {
    this.#site = site
    this.#odd = odd
    this.#options = options
    const { store, host, places, clock } = site.app
    const events = new Events(recordedLog().log)
    this.#flagged = new FlaggedAccounts({ accounts: store.accounts, repos: store.repos, host, places, clock, events })
  }

  /**
   * @param isTold whether operators have to be told of the host while the fault lasts
   * @param mayMove whether accounts may be taken for moved meanwhile
   */
  async run(trial: Trial, isTold: boolean, mayMove = false): Promise<Tried> {
    const [site, odd] = [this.#site, this.#odd]
    const work = WORKS[trial.work]
    const actor = this.#newActor()
    await work.prepare(site, actor)
    const bystander = (this.#bystander ??= await this.#newBystander())
    const problems: string[] = []
    await this.#loseTokens(trial, actor)
    site.forward(this.#options.quietMs)
    const before = odd.total
    odd.begin(trial.fault, trial.methods, needsDoubt(trial))
    problems.push(...(await timed(() => work.begin(site, actor, this.#waiting()))))
    await site.app.moods.post(bystander.user, { mood: `beside ${this.#actors}` })
    problems.push(...(await this.#watch(trial, actor, bystander, mayMove)))
    if (isTold && odd.spoiled > 0 && !(await this.#isHostNamed())) problems.push('status says nothing of the host')
    const requests = odd.total - before
    if (requests > MOST_REQUESTS) problems.push(`${requests} requests were sent in ${ROUNDS * ROUND_MS} ms`)
    const { spoiled } = odd
    await odd.end()
    problems.push(...(await this.#recover(trial, actor, bystander)))
    for (const caught of odd.trap.caught.splice(0)) problems.push(`sent elsewhere: ${caught}`)
    if (problems.length > 0) this.#bystander = null
    return { problems, spoiled }
  }

  #newActor(): Actor {
    const n = ++this.#actors
    return { user: `${this.#options.name}-${n}`, handle: `actor-${this.#options.name}-${n}`, did: null, receipt: null }
  }

  async #newBystander(): Promise<Actor> {
    const actor = this.#newActor()
    await signUp(this.#site, actor)
    return actor
  }

  /** Who is to be spoiled at a renewal or a login needs one. */
  async #loseTokens({ methods }: Trial, { user }: Actor): Promise<void> {
    const site = this.#site
    if (!methods?.some((method) => method === REFRESH || method === LOGIN)) return
    site.forward(TOKENS_LAST_MS)
    if (!methods.includes(LOGIN)) return
    const account = await site.app.store.accounts.byUser(user)
    if (account && !account.odd) await site.app.store.accounts.save({ ...account, sealedSession: null })
  }

  /** While the fault lasts. */
  async #watch({ work, fault, methods }: Trial, actor: Actor, bystander: Actor, mayMove: boolean): Promise<string[]> {
    const site = this.#site
    const problems = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const problem of await timed(() => site.app.engine.drain())) problems.add(problem)
      const wrong = (await this.#wrong([actor, bystander])).filter((one) => !(mayMove && one.includes(MOVED)))
      for (const one of wrong) problems.add(`while it lasts: ${one}`)
      site.forward(ROUND_MS)
    }
    const mustGoOn = [
      ...(fault.livedWith ? [actor] : []),
      ...(methods?.some((method) => FOR_POSTS.has(method)) === false ? [bystander] : []),
    ]
    if (work === 'audit') return [...problems]
    for (const left of await this.#leftAfter(LIVED_WITH_MINUTES, mustGoOn)) problems.add(`does not go on: ${left}`)
    return [...problems]
  }

  async #isHostNamed(): Promise<boolean> {
    const { notices } = await readHealth(this.#site.app)
    return notices.some(({ code }) => code === 'pds_unwell' || code === 'pds_silent')
  }

  /** After its end. */
  async #recover({ work, fault, methods }: Trial, actor: Actor, bystander: Actor): Promise<string[]> {
    const site = this.#site
    const isOfLogins = fault.withinMinutes !== undefined && (methods?.includes(LOGIN) ?? true)
    const minutes = isOfLogins ? MINUTES_OF_LOGINS : (fault.withinMinutes ?? 2)
    const left = await this.#leftAfter(minutes, [actor, bystander])
    const problems = left.map((one) => `not within ${minutes} minutes: ${one}`)
    for (const wrong of await this.#wrong([actor, bystander])) problems.push(`in the end: ${wrong}`)
    if (work === 'audit') {
      const wrong = await WORKS.audit.begin(site, actor, this.#waiting())
      problems.push(...wrong.map((one) => `in the end: ${one}`))
    }
    return problems
  }

  /** What these have left to do after so long, if that is needed. */
  async #leftAfter(minutes: number, actors: readonly Actor[]): Promise<string[]> {
    const site = this.#site
    for (let waited = 0; ;) {
      const left = (await Promise.all(actors.map((actor) => leftToDo(site, actor)))).flat()
      if (left.length === 0 || waited >= minutes * 60_000) return left
      // After the first minutes only a limit of a day is left to wait for.
      const step = waited < 8 * 60_000 ? ROUND_MS : 60 * 60_000
      site.forward(step)
      waited += step
      await this.#flagged.look()
      await site.app.engine.drain()
    }
  }

  async #wrong(actors: readonly Actor[]): Promise<string[]> {
    const { realPds, dataFolder, app } = this.#site
    for (const actor of actors) {
      const account = await app.store.accounts.byUser(actor.user)
      if (account && !account.odd) actor.did ??= account.did
    }
    const erased = new Map(actors.flatMap((actor) => (actor.receipt === null ? [] : [[actor.receipt, actor] as const])))
    return wrongBeliefs(
      realPds,
      dataFolder,
      actors.map(({ user }) => user),
      erased,
    )
  }

  /** How the commands of a trial wait: by the clock of the installation, and not for ever. */
  #waiting(): { readonly timer: Timer; readonly stop: AbortSignal } {
    const over = new AbortController()
    const { timer } = this.#site
    const began = timer.now()
    return {
      stop: over.signal,
      timer: {
        now: () => timer.now(),
        async pause(ms, stop) {
          await timer.pause(Math.min(ms, ROUND_MS), stop)
          if (timer.now() - began > PATIENCE_MS) over.abort()
        },
      },
    }
  }
}

/** @returns what it says, and that it took too long where it did */
async function timed(run: () => Promise<readonly string[] | void>): Promise<readonly string[]> {
  const began = performance.now()
  const said = (await run()) ?? []
  const ms = Math.round(performance.now() - began)
  return ms > LONGEST_MS ? [...said, `it took ${ms} ms`] : said
}
