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

/** Turns of the event loop that one commit may gather for. */
const MAX_TURNS = 4
/** Together about ten seconds, most of which blocks no other work. */
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
   * Runs several writes in the next commit: all of them, or none when one fails.
   *
   * @returns what the step returned, once that is durable
   */
  runAll<T>(step: () => T): Promise<T> {
    return this.run(this.#db.transaction(step))
  }

  /**
   * Runs a step that makes one write at most (SQLite undoes a statement that fails by itself) in the next commit.
   *
   * @returns what the step returned, once that is durable
   */
  run<T>(step: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let value: T
      const run = (): void => {
        value = step()
      }
      this.#jobs.push({ run, done: () => resolve(value), failed: reject })
      if (this.#retry === null && this.#scheduled === null) this.#gather(0, MAX_TURNS)
    })
  }

  /** Waits a turn, and another one while more and more is asked for: one wait for the disk can serve them all. */
  #gather(before: number, turns: number): void {
    this.#scheduled = setImmediate(() => {
      const waiting = this.#jobs.length
      if (waiting > 1 && waiting > before && turns > 1) this.#gather(waiting, turns - 1)
      else this.flush()
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
