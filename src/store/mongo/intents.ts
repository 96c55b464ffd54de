/** Intents in MongoDB: one for each user who has one. */

import type { Collection, Db, Document } from 'mongodb'
import type { Intent } from '../../domain/jobs.ts'
import { isOdd, type Odd } from '../../domain/odd.ts'
import { readIntent } from '../../domain/read-jobs.ts'
import type { IntentStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey } from './errors.ts'
import { storedDocument } from './stored.ts'
import { documentsById, type Together } from './together.ts'

export type IntentDocument = Omit<Intent, 'user'> & { readonly _id: string }

export function intentIn(document: Document): Intent | Odd {
  return readIntent(storedDocument(document))
}

export class MongoIntents implements IntentStore {
  readonly #intents: Collection<IntentDocument>
  readonly #byUser: Together<string, IntentDocument | null>

  constructor(db: Db) {
    this.#intents = db.collection<IntentDocument>(COLLECTIONS.intents)
    this.#byUser = documentsById(this.#intents)
  }

  async begin(intent: Intent): Promise<Intent> {
    const { user, ...rest } = intent
    for (;;) {
      try {
        await this.#intents.insertOne({ _id: user, ...rest })
        return intent
      } catch (error) {
        if (takenKey(error) === null) throw error
        const current = await this.get(user)
        if (current && !isOdd(current)) return current
        // Whatever it said, the user wants this after it.
        if (current) await this.#intents.deleteOne({ _id: user })
      }
    }
  }

  async get(user: string): Promise<Intent | Odd | null> {
    const document = await this.#byUser.ask(user)
    return document && intentIn(document)
  }

  async finish(user: string): Promise<void> {
    await this.#intents.deleteOne({ _id: user })
  }
}
