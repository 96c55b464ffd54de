/** Progress in moods, of a task that goes from user to user. */

import type { Store } from '../ports/store.ts'
import type { OnProgress, OnWait } from './deps.ts'
import { countsOf } from './pages.ts'

export class MoodProgress {
  readonly #what: string
  readonly #onProgress: OnProgress
  /** How many moods each user has. */
  readonly #moods: ReadonlyMap<string, number>
  readonly #total: number
  /** Of the users whose turn it is, how many moods are done. */
  readonly #open = new Map<string, number>()
  #finished = 0
  #waitsUntil: number | null = null

  private constructor(what: string, moods: ReadonlyMap<string, number>, onProgress: OnProgress) {
    this.#what = what
    this.#moods = moods
    this.#onProgress = onProgress
    this.#total = [...moods.values()].reduce((sum, n) => sum + n, 0)
  }

  /**
   * Counts the moods that the task will deal with.
   *
   * @param what what is done with moods, such as `moods read`
   */
  static async of(
    { work }: Pick<Store, 'work'>,
    users: readonly string[],
    what: string,
    onProgress: OnProgress,
  ): Promise<MoodProgress> {
    return new MoodProgress(what, await countsOf(users, (page) => work.countOf(page)), onProgress)
  }

  /** How many moods the user had when the task began. */
  moodsOf(user: string): number {
    return this.#moods.get(user) ?? 0
  }

  /** So many moods of this user are still to be done. */
  left(user: string, moods: number): void {
    this.#open.set(user, Math.max(0, this.moodsOf(user) - moods))
    this.#show()
  }

  /** This user is through, whatever came of it. */
  finish(user: string): void {
    this.#open.delete(user)
    this.#finished += this.moodsOf(user)
    this.#show()
  }

  /** The task waits until then, in ms since 1970; null once it goes on. */
  readonly waits: OnWait = (until) => {
    if (until === this.#waitsUntil) return
    this.#waitsUntil = until
    this.#show()
  }

  #show(): void {
    const open = [...this.#open.values()].reduce((sum, n) => sum + n, 0)
    this.#onProgress(this.#what, this.#finished + open, this.#total, this.#waitsUntil)
  }
}
