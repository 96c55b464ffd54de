/** What processes do one at a time, in MongoDB: one document for each task. */

import type { Collection, Db } from 'mongodb'
import { type Claim, mayClaim, READ_NOTE, type Task, type TaskNotes } from '../../domain/tasks.ts'
import type { TaskStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey } from './errors.ts'

interface TaskDocument {
  readonly _id: Task
  readonly last?: unknown
  readonly claim?: Claim | null
}

export class MongoTasks implements TaskStore {
  readonly #tasks: Collection<TaskDocument>

  constructor(db: Db) {
    this.#tasks = db.collection<TaskDocument>(COLLECTIONS.tasks)
  }

  async claim(task: Task, owner: string, now: number, until: number): Promise<boolean> {
    const document = await this.#tasks.findOne({ _id: task })
    const before = document?.claim ?? null
    if (!mayClaim(before, owner, now)) return false
    const filter = { _id: task, claim: before }
    try {
      const { matchedCount, upsertedCount } = await this.#tasks.updateOne(
        filter,
        { $set: { claim: { owner, until } } },
        { upsert: document === null },
      )
      return matchedCount + upsertedCount === 1
    } catch (error) {
      // Two processes that find nothing there both make the document.
      if (takenKey(error) === null) throw error
      return false
    }
  }

  async last<T extends Task>(task: T): Promise<TaskNotes[T] | null> {
    return READ_NOTE[task]((await this.#tasks.findOne({ _id: task }))?.last)
  }

  async note<T extends Task>(task: T, note: TaskNotes[T]): Promise<void> {
    await this.#tasks.updateOne({ _id: task }, { $set: { last: note } }, { upsert: true })
  }
}
