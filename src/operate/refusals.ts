/** Moods whose rows refuse their results: what is done about them can never be noted, and no command may wait for that. */

import { TIMES } from '../domain/odd.ts'
import type { Store } from '../ports/store.ts'

/** As many moods as the engine takes at once: where all of these refuse, it never comes to the next. */
const PAGE = 200

/** What the engine of a command has met. */
export class Refusals {
  readonly #work: Store['work']
  readonly #ids = new Map<string, Set<string>>()

  constructor({ work }: Pick<Store, 'work'>) {
    this.#work = work
  }

  /** Notes that rows of this user have refused a result. */
  readonly note = (user: string, ids: readonly string[]): void => {
    this.#ids.set(user, new Set([...(this.#ids.get(user) ?? []), ...ids]))
  }

  /** Whether all that the user has left to be done has refused its result. */
  async isStuck(user: string): Promise<boolean> {
    const refused = this.#ids.get(user)
    if (refused === undefined) return false
    const left = await this.#work.due(user, TIMES.before - 1, PAGE)
    return left.length > 0 && left.every(({ id }) => refused.has(id))
  }

  /** Ids of all moods of these users that have refused. */
  of(users: readonly string[]): readonly string[] {
    return users.flatMap((user) => [...(this.#ids.get(user) ?? [])])
  }
}
