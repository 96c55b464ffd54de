/** Workers in MongoDB: one document for each process. */

import type { Collection, Db } from 'mongodb'
import { isOdd } from '../../domain/odd.ts'
import { readWorker } from '../../domain/read-notes.ts'
import type { Worker } from '../../domain/worker.ts'
import type { WorkerStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { storedDocument } from './stored.ts'

type WorkerDocument = Omit<Worker, 'id' | 'since' | 'at'> & {
  readonly _id: string
  readonly since: Date
  readonly at: Date
}

export class MongoWorkers implements WorkerStore {
  readonly #workers: Collection<WorkerDocument>

  constructor(db: Db) {
    this.#workers = db.collection<WorkerDocument>(COLLECTIONS.workers)
  }

  async beat({ id, since, at, ...rest }: Worker): Promise<void> {
    const document = { ...rest, since: new Date(since), at: new Date(at) }
    // The next beat makes up for one that is lost: it need not be on disk.
    await this.#workers.replaceOne({ _id: id }, document, { upsert: true, writeConcern: { w: 1 } })
  }

  async all(): Promise<readonly Worker[]> {
    const found = await this.#workers.find({}, { sort: { _id: 1 } }).toArray()
    return found.flatMap((document) => {
      const reading = readWorker(storedDocument(document))
      return isOdd(reading) ? [] : [reading]
    })
  }

  async forget(id: string): Promise<void> {
    await this.#workers.deleteOne({ _id: id })
  }
}
