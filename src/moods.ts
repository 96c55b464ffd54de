/** What users do with moods. */

import { randomBytes } from 'node:crypto'
import { isReady } from './domain/account.ts'
import { DomainError } from './domain/errors.ts'
import { spellingsOf, userAmong } from './domain/handle.ts'
import { edited, type MoodPatch, softDeleted } from './domain/changes.ts'
import {
  isVisibleTo,
  type Mood,
  type MoodDraft,
  objectId,
  parseDraft,
  type RecordsOnDelete,
  saysTheSame,
  POSTED,
} from './domain/mood.ts'
import { FEED_PAGE } from './domain/mood-limits.ts'
import { federates, inForce } from './domain/policy.ts'
import { rkeyFor } from './domain/record.ts'
import { initial } from './domain/sync.ts'
import { applyIntent } from './sync/intents.ts'
import type { FeedPosition, Store } from './ports/store.ts'
import type { Intent } from './domain/jobs.ts'
import type { RepoClient, RepoRecord } from './ports/pds.ts'
import { RecordReads } from './record-reads.ts'
import type { AgreedClock } from './ports/clock.ts'

const REFUSED =
  'the database takes no change of this mood: an operator has to look at its document, and at the rules it has to keep'

/** A mood with its author's handle. */
export interface Entry {
  readonly mood: Mood
  /** Null when the author has none. */
  readonly handle: string | null
  /** Federation leaves the author out now, so that nothing new of theirs is published. */
  readonly isLeftOut: boolean
}

export interface Page {
  readonly entries: readonly Entry[]
  /** Where the next page begins; null on the last page. */
  readonly next: FeedPosition | null
}

export interface MoodsDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly clock: AgreedClock
  /** Tells the engine that a user's repo has work. Only a hint: it may fail without harm. */
  readonly nudge: (user: string) => void
  /** Called after moods have changed. */
  readonly changed: () => void
  /** The operator's default for the `records` of a nuke. */
  readonly softDeleteRecords: RecordsOnDelete
}

export class Moods {
  readonly #deps: MoodsDeps
  readonly #records: RecordReads
  readonly #processBytes = randomBytes(5).toString('hex')
  #counter = randomBytes(3).readUIntBE(0, 3)

  constructor(deps: MoodsDeps) {
    this.#deps = deps
    this.#records = new RecordReads(deps.client, deps.clock)
  }

  /**
   * Saves a mood and leaves its publication to the engine. Posting the latest text again returns the existing mood; also
   * under concurrency.
   *
   * @param user `sub` of the author
   * @throws DomainError `invalid_mood`, `being_erased`
   */
  async post(user: string, draft: MoodDraft): Promise<Entry> {
    const content = parseDraft(draft)
    const { moods } = this.#deps.store
    const when = await this.#deps.clock.agreed()
    const id = objectId(when, this.#processBytes, this.#counter++)
    const { mood, added } = await moods.add({
      user,
      repeats: (latest) => saysTheSame(latest, content),
      numbered: (ordinal, salt) => {
        const sync = initial(rkeyFor(when, id, salt), content.isPrivate, when)
        return { ...content, id, user, ordinal, when, deleted: null, version: POSTED, sync }
      },
    })
    if (!added) return this.#entry(mood)
    // Checked after the write: an erasure that began in between may have run too early to find this mood.
    await this.#refuseErased(user, () => moods.purge(user, 1000))
    if (mood.sync.state === 'pending') this.#deps.nudge(user)
    this.#deps.changed()
    return this.#entry(mood)
  }

  /**
   * Deletes a mood (a soft delete). It leaves every list at once; the engine deletes its record, unless that is kept.
   *
   * @param user `sub` of the author
   * @param records whether the record is deleted or kept
   * @returns the mood as deleted
   * @throws DomainError `not_found`, also for another user's mood and a mood that is already deleted; `being_erased`;
   *   `unchangeable` for a mood whose document the database refuses to change
   */
  async delete(user: string, id: string, records: RecordsOnDelete = 'withdraw'): Promise<Entry> {
    return this.#change(user, id, (mood, now) => softDeleted(mood, { by: 'author', records }, now))
  }

  /**
   * Changes privacy, intensity or context. The record of a mood that becomes private is deleted; a mood that becomes
   * public is published.
   *
   * @param user `sub` of the author
   * @param patch absent fields stay as they are; null removes intensity or context
   * @throws DomainError `not_found`, also for another user's mood and a deleted mood; `invalid_mood`, `being_erased`,
   *   `unchangeable`
   */
  async edit(user: string, id: string, patch: MoodPatch): Promise<Entry> {
    return this.#change(user, id, (mood, now) => (mood.deleted ? null : edited(mood, patch, now)))
  }

  /**
   * Deletes all moods of the user (`nuke`), or restores those that a nuke deleted (`restore`). The intent is durable
   * before any mood changes; if this process dies, the engine finishes it.
   *
   * @param user `sub` of the author
   * @param records whether the records are deleted or kept; default: {@link MoodsDeps.softDeleteRecords}
   * @returns number of moods changed
   * @throws DomainError `being_erased`
   */
  async nuke(user: string, kind: 'nuke' | 'restore', records?: RecordsOnDelete): Promise<number> {
    await this.#refuseErased(user)
    const { store, clock, softDeleteRecords } = this.#deps
    for (;;) {
      const through = await store.moods.lastOrdinal(user)
      const wanted: Intent = { user, kind, records: records ?? softDeleteRecords, through }
      const intent = await store.intents.begin(wanted)
      const { changed, left } = await applyIntent(store, clock, intent)
      // That was an earlier intent, left unfinished; it is applied now, and the wanted one follows.
      if (intent.kind !== kind || intent.records !== wanted.records || intent.through !== wanted.through) {
        // What it could not be applied to follows the later one.
        if (left.length > 0) await store.intents.finish(user)
        continue
      }
      this.#deps.nudge(user)
      this.#deps.changed()
      return changed
    }
  }

  /**
   * A page of moods, newest first. Private moods are included only for their author, asking by handle.
   *
   * @param handles authors; null for all
   * @param viewer `sub` of the user who asks, null when not signed in
   * @param limit length of the page, 1 to {@link FEED_PAGE}`.max`
   * @param after `next` of the page before; null for the first page
   * @throws DomainError `invalid_handle`; `bad_request` for a limit out of range
   */
  async feed(
    handles: readonly string[] | null,
    viewer: string | null,
    limit: number,
    after: FeedPosition | null,
  ): Promise<Page> {
    if (!Number.isInteger(limit) || limit < 1 || limit > FEED_PAGE.max) {
      throw new DomainError('bad_request', `limit is a whole number from 1 to ${FEED_PAGE.max}`)
    }
    const { moods, accounts } = this.#deps.store
    const known = handles && (await accounts.usersOf(handles.flatMap(spellingsOf)))
    const users = known && handles.map((handle) => userAmong(known, handle)).filter((user) => user !== null)
    const found = await moods.feed({ users, viewer, limit: limit + 1, after })
    const page = found.slice(0, limit)
    const last = page.at(-1)
    const next = found.length > limit && last ? { when: last.when, id: last.id } : null
    return { entries: await this.entries(page), next }
  }

  /**
   * The latest mood of a user that the viewer may see.
   *
   * @throws DomainError `not_found` when there is no such user or no such mood; `invalid_handle`
   */
  async latestOf(handle: string, viewer: string | null): Promise<Entry> {
    const { entries } = await this.feed([handle], viewer, 1, null)
    if (!entries[0]) throw new DomainError('not_found', 'no mood of this user')
    return entries[0]
  }

  /** @throws DomainError `not_found`, also for a private mood of another user */
  async byId(id: string, viewer: string | null): Promise<Entry> {
    const mood = await this.#deps.store.moods.byId(id)
    if (!mood || !isVisibleTo(mood, viewer)) throw new DomainError('not_found', 'no such mood')
    return this.#entry(mood)
  }

  /**
   * The record of a mood, read back from the PDS within the last seconds.
   *
   * @throws DomainError `not_found` when there is none; `unavailable` when the PDS does not answer
   */
  async record(id: string, viewer: string | null): Promise<RepoRecord> {
    const { mood } = await this.byId(id, viewer)
    const account = await this.#deps.store.accounts.byUser(mood.user)
    if (!isReady(account)) throw new DomainError('not_found', 'this mood has no record')
    const record = await this.#records.of(account, mood)
    if (!record) throw new DomainError('not_found', 'this mood has no record')
    return record
  }

  /** Adds the authors' handles, and whether federation leaves them out. */
  async entries(moods: readonly Mood[]): Promise<readonly Entry[]> {
    const { accounts, policy } = this.#deps.store
    const users = [...new Set(moods.map((mood) => mood.user))]
    const [handles, stored] = await Promise.all([accounts.handlesOf(users), policy.get()])
    const inUse = inForce(stored)
    const authors = users.map((user) => {
      const handle = handles.get(user) ?? null
      return [user, { handle, isLeftOut: !federates(inUse, user, handle) }] as const
    })
    const byUser = new Map(authors)
    return moods.map((mood) => ({ mood, ...byUser.get(mood.user)! }))
  }

  async #change(user: string, id: string, change: (mood: Mood, now: number) => Mood | null): Promise<Entry> {
    await this.#refuseErased(user)
    const { store, clock } = this.#deps
    for (let refused: number | null = null; ;) {
      const mood = await store.moods.byId(id)
      const next = mood?.user === user ? change(mood, clock.now()) : null
      if (!mood || !next) throw new DomainError('not_found', 'no such mood')
      if (next === mood) return this.#entry(mood)
      if ((await store.moods.save([next], clock.now())).size === 0) {
        // Nobody was first: what refused it once would do so for ever.
        if (mood.version === refused) throw new DomainError('unchangeable', REFUSED)
        refused = mood.version
        continue
      }
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
