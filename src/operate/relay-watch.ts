/** Asks relays, now and then, whether they show our accounts, in the background of a worker; of all workers, one at a time. */

import { type Account, isReady, type ReadyAccount } from '../domain/account.ts'
import { type Sighting, sightingOf } from '../domain/sighting.ts'
import type { Events } from '../observe/events.ts'
import { Recurring, repeat } from '../pause.ts'
import type { Relays } from '../ports/sightings.ts'
import type { OperatorDeps } from './deps.ts'
import { Turn, type TurnDeps } from './turn.ts'

export interface RelayWatchDeps extends TurnDeps {
  readonly client: Pick<OperatorDeps['client'], 'revision'>
  readonly relays: Relays
  /** Base URLs of the relays that are asked. */
  readonly urls: readonly string[]
  readonly events: Events
}

/** One look at all relays. */
interface Round {
  readonly stop: AbortSignal
  /** What the PDS said is the newest revision of each repo, by DID. */
  readonly revisions: Map<string, Promise<string | null>>
}

const LOOK_MS = 10_000
/** Accounts of one look that a relay was never asked for, and others that are due. */
const BATCH = 25
/** Pages of accounts that one look reads to find those of which a relay was never asked. */
const PAGES = 20
const PAGE = 200
/** One of which a relay says nothing is asked for again after so long, in ms: it stands in the way of no other. */
const AGAIN_MS = 10 * 60_000

export class RelayWatch {
  readonly #deps: RelayWatchDeps
  readonly #turn: Turn
  readonly #looks = new Recurring()
  /** By relay, the account after which the search for accounts goes on that it was never asked for. */
  readonly #after = new Map<string, string>()

  constructor(deps: RelayWatchDeps) {
    this.#deps = deps
    this.#turn = new Turn(deps, 'relays')
  }

  /** Looks every ten seconds, until `stopping` fires; not at all where no relay is configured. */
  async run(stopping: AbortSignal): Promise<void> {
    if (this.#deps.urls.length > 0) await repeat(LOOK_MS, stopping, () => this.look(stopping))
  }

  /** Asks for the next few, if no other worker does. That the store does not tell is logged, once until it does. */
  look(stopping: AbortSignal): Promise<void> {
    const { urls, events } = this.#deps
    return this.#looks.attempt(
      async () => {
        if (!(await this.#turn.take())) return
        try {
          await this.#turn.whileMine(stopping, async (stop) => {
            const round: Round = { stop, revisions: new Map() }
            await Promise.all(urls.map((relay) => this.#askOne(relay, round)))
          })
        } finally {
          await this.#turn.giveBack()
        }
      },
      (error) => events.defect('look at relays', error),
    )
  }

  /** Accounts that the relay was never asked for, then those that are due; until it is silent, or wants to be left alone. */
  async #askOne(relay: string, round: Round): Promise<void> {
    const { store, clock } = this.#deps
    const { stop } = round
    if (!(await this.#askForNew(relay, round))) return
    for (const sighting of await store.sightings.due(relay, clock.now(), BATCH)) {
      if (stop.aborted) return
      const account = await store.accounts.byUser(sighting.user)
      if (!isReady(account)) await store.sightings.forget(sighting.user)
      else if (!(await this.#see(account, relay, round, sighting))) return
    }
  }

  /** @returns false where the relay does not answer now */
  async #askForNew(relay: string, round: Round): Promise<boolean> {
    const { archive, sightings } = this.#deps.store
    const { stop } = round
    for (let pages = 0, asked = 0; pages < PAGES && asked < BATCH; pages++) {
      const after = this.#after.get(relay) ?? ''
      const page = await archive.page('accounts', after, PAGE)
      const known = await sightings.of(page.map(({ item }) => item.user))
      for (const { key, item: account } of page) {
        if (stop.aborted || asked >= BATCH) return !stop.aborted
        // One that cannot be asked for now stands in the way of no other: it comes again with the next search.
        this.#after.set(relay, key)
        if (!isReady(account) || isKnown(known.get(account.user), relay, account)) continue
        asked++
        if (!(await this.#see(account, relay, round, null))) return false
      }
      if (page.length < PAGE) {
        this.#after.delete(relay)
        break
      }
    }
    return true
  }

  /** @param before what the relay said last; null where it was never asked. @returns false where it does not answer now */
  async #see(account: ReadyAccount, relay: string, round: Round, before: Sighting | null): Promise<boolean> {
    const { store, clock, relays } = this.#deps
    const { stop } = round
    const { user, did } = account
    const answer = await relays.account(relay, did, stop)
    if (answer.kind === 'later') return false
    if (answer.kind !== 'ok') {
      if (before !== null && !stop.aborted) {
        await store.sightings.note({ ...before, dueAt: clock.now() + AGAIN_MS })
        await this.#forgetIfGone(user)
      }
      return false
    }
    const now = clock.now()
    const mayBeBehind = answer.value.kind === 'known' && answer.value.active && answer.value.rev !== null
    const pdsRev = mayBeBehind ? await this.#revisionOf(account, round) : null
    await store.sightings.note(sightingOf({ user, relay, did, pdsRev }, answer.value, now, before === null))
    await this.#forgetIfGone(user)
    return true
  }

  /** However many relays there are, the PDS is asked once for each account and look. @returns null where it does not tell */
  #revisionOf(account: ReadyAccount, { revisions }: Round): Promise<string | null> {
    const asked =
      revisions.get(account.did) ??
      this.#deps.client.revision(account).then((answer) => (answer.kind === 'ok' ? answer.value : null))
    revisions.set(account.did, asked)
    return asked
  }

  /** Nothing is kept of a user who was erased while the relay was asked. */
  async #forgetIfGone(user: string): Promise<void> {
    const { store } = this.#deps
    if ((await store.accounts.byUser(user)) === null) await store.sightings.forget(user)
  }
}

function isKnown(sightings: readonly Sighting[] | undefined, relay: string, { did }: Account): boolean {
  return sightings?.some((sighting) => sighting.relay === relay && sighting.did === did) ?? false
}
