/**
 * One fsync for many writes: everything asked for within one turn of the event loop is committed together, and each
 * caller is answered only after that commit. A step that fails undoes itself alone.
 */

import type Database from 'better-sqlite3'

interface Job {
  readonly run: () => void
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

export class GroupCommit {
  readonly #db: Database.Database
  #jobs: Job[] = []
  #scheduled: NodeJS.Immediate | null = null

  constructor(db: Database.Database) {
    this.#db = db
  }

  /**
   * Runs one synchronous step of the database in the next commit.
   *
   * @returns what the step returned, once that is durable
   */
  run<T>(step: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let value: T
      const nested = this.#db.transaction(() => {
        value = step()
      })
      this.#jobs.push({ run: nested, done: () => resolve(value), failed: reject })
      this.#scheduled ??= setImmediate(() => this.flush())
    })
  }

  /** Commits what is waiting. */
  flush(): void {
    if (this.#scheduled) clearImmediate(this.#scheduled)
    this.#scheduled = null
    const jobs = this.#jobs
    this.#jobs = []
    if (jobs.length === 0) return
    const answers: (() => void)[] = []
    try {
      this.#db
        .transaction(() => {
          for (const job of jobs) {
            try {
              job.run()
              answers.push(job.done)
            } catch (error) {
              answers.push(() => job.failed(error))
            }
          }
        })
        .immediate()
    } catch (error) {
      for (const job of jobs) job.failed(error)
      return
    }
    for (const answer of answers) answer()
  }
}
