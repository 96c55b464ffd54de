/**
 * One fsync for many writes: everything asked for within one turn of the event loop is committed together, and each
 * caller is answered only after that commit. A step that fails undoes itself alone.
 */

import Database from 'better-sqlite3'
import { DomainError } from '../../domain/errors.ts'

interface Job {
  readonly run: () => void
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** Together about ten seconds, most of it without holding up anybody. */
const MAX_TRIES = 30
const RETRY_MS = 100

export class GroupCommit {
  readonly #db: Database.Database
  #jobs: Job[] = []
  #scheduled: NodeJS.Immediate | null = null
  #retry: NodeJS.Timeout | null = null
  #tries = 0

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
      if (this.#retry === null) this.#scheduled ??= setImmediate(() => this.flush())
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
      this.#notCommitted(jobs, error)
      return
    }
    this.#tries = 0
    for (const answer of answers) answer()
  }

  /** Nothing of the commit is there. Another process may just be writing: try the same again, and let others run meanwhile. */
  #notCommitted(jobs: readonly Job[], error: unknown): void {
    const isBusy = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
    if (isBusy && ++this.#tries < MAX_TRIES) {
      this.#jobs = [...jobs, ...this.#jobs]
      this.#retry ??= setTimeout(() => {
        this.#retry = null
        this.flush()
      }, RETRY_MS)
      return
    }
    this.#tries = 0
    const failure = new DomainError('unavailable', 'the store cannot be written just now', { cause: error })
    for (const job of jobs) job.failed(failure)
  }
}
