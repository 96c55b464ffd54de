/** What users do with moods. */

import { randomBytes } from 'node:crypto'
import { isReady } from './domain/account.ts'
import { DomainError } from './domain/errors.ts'
import { parseHandle } from './domain/handle.ts'
import { edited, type MoodPatch, softDeleted } from './domain/changes.ts'
import {
  isVisibleTo,
  type Mood,
  type MoodDraft,
  objectId,
  parseDraft,
  type RecordsOnDelete,
  saysTheSame,
} from './domain/mood.ts'
import { COLLECTION, rkeyFor } from './domain/record.ts'
import { initial } from './domain/sync.ts'
import { applyIntent } from './sync/intents.ts'
import type { FeedPosition, Store } from './ports/store.ts'
import type { Intent } from './domain/jobs.ts'
import type { RepoClient, RepoRecord } from './ports/pds.ts'
import type { Clock } from './ports/clock.ts'

/** A mood, and what its author is called; null for an author who has no handle. */
export interface Entry {
  readonly mood: Mood
  readonly handle: string | null
}

export interface Page {
  readonly entries: readonly Entry[]
  /** Where to go on; null when there is nothing more. */
  readonly next: FeedPosition | null
}

export interface MoodsDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly clock: Clock
  /** Says that a user's repo has work. Only a hint: it may fail without harm. */
  readonly nudge: (user: string) => void
  /** Called when moods have changed. */
  readonly changed: () => void
  /** What becomes of the records of a nuke that does not say. */
  readonly softDeleteRecords: RecordsOnDelete
}

const PROCESS_BYTES = randomBytes(5).toString('hex')
let counter = randomBytes(3).readUIntBE(0, 3)

export class Moods {
  readonly #deps: MoodsDeps

  constructor(deps: MoodsDeps) {
    this.#deps = deps
  }

  /**
   * Saves a mood and leaves its publication to the engine. What says the same as the user's latest undeleted mood adds
   * nothing and gives that one, also when many say it at once.
   *
   * @param user `sub` of the author
   * @throws DomainError `invalid_mood`, `being_erased`
   */
  async post(user: string, draft: MoodDraft): Promise<Entry> {
    const content = parseDraft(draft)
    const { moods } = this.#deps.store
    const when = this.#deps.clock.now()
    const id = objectId(when, PROCESS_BYTES, counter++)
    const { mood, added } = await moods.add({
      user,
      repeats: (latest) => saysTheSame(latest, content),
      numbered: (ordinal, salt) => {
        const sync = initial(rkeyFor(when, id, salt), content.isPrivate, when)
        return { ...content, id, user, ordinal, when, deleted: null, version: 1, sync }
      },
    })
    if (!added) return this.#entry(mood)
    // Looked at now, and not before: an erasure that began in between may have been too early to find this mood.
    await this.#refuseErased(user, () => moods.purge(user, 1000))
    if (mood.sync.state === 'pending') this.#deps.nudge(user)
    this.#deps.changed()
    return this.#entry(mood)
  }

  /**
   * Takes a mood back. It is gone from every list at once; its record follows, unless it is to be kept.
   *
   * @throws DomainError `not_found`, also for somebody else's mood; `being_erased`
   */
  async delete(user: string, id: string, records: RecordsOnDelete): Promise<Entry> {
    return this.#change(user, id, (mood, now) => softDeleted(mood, { by: 'author', records }, now))
  }

  /**
   * Changes what may be changed. What becomes private is withdrawn from the repo; what becomes public is published.
   *
   * @throws DomainError `not_found`, also for somebody else's mood; `invalid_mood`, `being_erased`
   */
  async edit(user: string, id: string, patch: MoodPatch): Promise<Entry> {
    return this.#change(user, id, (mood, now) => (mood.deleted ? null : edited(mood, patch, now)))
  }

  /**
   * Takes all moods of the user back, or gives back those that a nuke took. The intent is durable before anything is
   * changed; if this process dies, the engine finishes.
   *
   * @param records what becomes of the records; what the operator chose if not said
   * @returns how many moods were changed
   * @throws DomainError `being_erased`
   */
  async nuke(user: string, kind: 'nuke' | 'restore', records?: RecordsOnDelete): Promise<number> {
    await this.#refuseErased(user)
    const { store, clock, softDeleteRecords } = this.#deps
    for (;;) {
      const through = await store.moods.lastOrdinal(user)
      const wanted: Intent = { user, kind, records: records ?? softDeleteRecords, through }
      const intent = await store.intents.begin(wanted)
      const changed = await applyIntent(store, clock, intent)
      // An earlier one was still to be finished: that is done now, and this one comes after it.
      if (intent.kind !== kind || intent.records !== wanted.records || intent.through !== wanted.through) continue
      this.#deps.nudge(user)
      this.#deps.changed()
      return changed
    }
  }

  /**
   * A page of moods, newest first. Private moods are there only where their author asks for his or her own by handle.
   *
   * @param handles whose moods; null for everybody's
   * @param viewer `sub` of whoever asks, null for a stranger
   * @throws DomainError `invalid_handle`
   */
  async feed(
    handles: readonly string[] | null,
    viewer: string | null,
    limit: number,
    after: FeedPosition | null,
  ): Promise<Page> {
    const { moods, accounts } = this.#deps.store
    const users = handles && [...(await accounts.usersOf(handles.map(parseHandle))).values()]
    const found = await moods.feed({ users, viewer, limit: limit + 1, after })
    const page = found.slice(0, limit)
    const last = page.at(-1)
    const next = found.length > limit && last ? { when: last.when, id: last.id } : null
    return { entries: await this.entries(page), next }
  }

  /** @throws DomainError `not_found` when there is no such user, or no mood to see; `invalid_handle` */
  async latestOf(handle: string, viewer: string | null): Promise<Entry> {
    const { entries } = await this.feed([handle], viewer, 1, null)
    if (!entries[0]) throw new DomainError('not_found', 'no mood of this user')
    return entries[0]
  }

  /** @throws DomainError `not_found`, also for a private mood of somebody else */
  async byId(id: string, viewer: string | null): Promise<Entry> {
    const mood = await this.#deps.store.moods.byId(id)
    if (!mood || !isVisibleTo(mood, viewer)) throw new DomainError('not_found', 'no such mood')
    return this.#entry(mood)
  }

  /**
   * The record of a mood, read back from the PDS now.
   *
   * @throws DomainError `not_found` when there is none; `unavailable` when the PDS does not say
   */
  async record(id: string, viewer: string | null): Promise<RepoRecord> {
    const { mood } = await this.byId(id, viewer)
    const account = await this.#deps.store.accounts.byUser(mood.user)
    if (!isReady(account)) throw new DomainError('not_found', 'this mood has no record')
    const answer = await this.#deps.client.get(account, COLLECTION, mood.sync.rkey)
    if (answer.kind !== 'ok') throw new DomainError('unavailable', 'the PDS does not answer')
    if (!answer.value) throw new DomainError('not_found', 'this mood has no record')
    return answer.value
  }

  /** Moods with the names of their authors. */
  async entries(moods: readonly Mood[]): Promise<readonly Entry[]> {
    const users = [...new Set(moods.map((mood) => mood.user))]
    const handles = await this.#deps.store.accounts.handlesOf(users)
    return moods.map((mood) => ({ mood, handle: handles.get(mood.user) ?? null }))
  }

  async #change(user: string, id: string, change: (mood: Mood, now: number) => Mood | null): Promise<Entry> {
    await this.#refuseErased(user)
    const { store, clock } = this.#deps
    for (;;) {
      const mood = await store.moods.byId(id)
      const next = mood?.user === user ? change(mood, clock.now()) : null
      if (!mood || !next) throw new DomainError('not_found', 'no such mood')
      if (next === mood) return this.#entry(mood)
      if ((await store.moods.save([next], clock.now())).size === 0) continue
      if (next.sync.state === 'pending') this.#deps.nudge(user)
      this.#deps.changed()
      return this.#entry(next)
    }
  }

  async #refuseErased(user: string, before?: () => Promise<unknown>): Promise<void> {
    if (!(await this.#deps.store.erasures.byUser(user))) return
    await before?.()
    throw new DomainError('being_erased', 'this user is being forgotten')
  }

  async #entry(mood: Mood): Promise<Entry> {
    return (await this.entries([mood]))[0]!
  }
}
