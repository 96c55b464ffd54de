/**
 * Looks again at accounts that their PDS has refused, or that have moved: one whose reason has ended is put back to work, and
 * one that has another reason by now says so.
 */

import { type Account, type ReadyAccount, refused, retried } from '../domain/account.ts'
import { MOVED, movedError } from '../domain/moved.ts'
import { conditionBehind, refusalOf } from '../domain/repo-condition.ts'
import type { Events } from '../observe/events.ts'
import { Recurring, repeat } from '../pause.ts'
import type { Clock } from '../ports/clock.ts'
import type { AccountHost } from '../ports/pds.ts'
import type { Places } from '../ports/places.ts'
import type { RepoQueue } from '../ports/queue.ts'
import type { AccountStore } from '../ports/store.ts'

export interface FlaggedDeps {
  readonly accounts: AccountStore
  readonly repos: Pick<RepoQueue, 'mark'>
  readonly host: Pick<AccountHost, 'condition'>
  readonly places: Places
  readonly clock: Clock
  readonly events: Events
}

const LOOK_MS = 30_000
/** Accounts of one look: with many that are refused, each has its turn. */
const PAGE = 20

export class FlaggedAccounts {
  readonly #deps: FlaggedDeps
  /** The user after whom the next look begins. */
  #after = ''
  readonly #looks = new Recurring()

  constructor(deps: FlaggedDeps) {
    this.#deps = deps
  }

  /** Looks every half minute, until `stopping` fires. */
  run(stopping: AbortSignal): Promise<void> {
    return repeat(LOOK_MS, stopping, () => this.look())
  }

  /** Looks at the next few. That the store does not tell is logged, once until it does. */
  look(): Promise<void> {
    const { events } = this.#deps
    return this.#looks.attempt(
      () => this.#lookAtNext(),
      (error) => events.defect('look at refused accounts', error),
    )
  }

  async #lookAtNext(): Promise<void> {
    const page = await this.#deps.accounts.needingAttention(null, this.#after, PAGE)
    this.#after = page.length < PAGE ? '' : page.at(-1)!.user
    for (const account of page) await this.#lookAt(account)
  }

  async #lookAt(account: Account): Promise<void> {
    const { did, pds, error } = account
    if (did === null || pds === null || error === null) return
    const condition = conditionBehind({ kind: 'unauthorized', ...error })
    // A password that is refused is not mended by asking for it again and again.
    if (error.code !== MOVED && condition === null) return
    const repo: ReadyAccount = { ...account, state: 'ready', did, pds }
    const found = await this.#find(repo, error.code)
    if (found === 'unknown' || found?.code === error.code) return
    const { accounts, repos, clock, events } = this.#deps
    if (found !== null) {
      const { code, message } = found
      return void (await accounts.save(refused(account, { code, message, at: clock.now() })))
    }
    if (!(await accounts.save(retried(account)))) return
    events.accountUsable(account.user, error.code)
    await repos.mark(account.user, clock.now())
  }

  /** Why the account cannot be used now; null if it can. */
  async #find(repo: ReadyAccount, before: string): Promise<{ code: string; message: string } | 'unknown' | null> {
    const place = await this.#deps.places.placeOf(repo, 'silence')
    if (place.kind === 'elsewhere') return movedError(place.pds)
    if (place.kind === 'unknown' && before === MOVED) return 'unknown'
    const condition = await this.#deps.host.condition(repo)
    if (condition.kind !== 'ok') return 'unknown'
    return condition.value === 'active' ? null : refusalOf(condition.value)
  }
}
