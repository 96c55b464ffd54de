/** Intents in MongoDB: one for each user who has one. */

import type { Collection, Db } from 'mongodb'
import type { Intent } from '../../domain/jobs.ts'
import type { IntentStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey } from './errors.ts'

export type IntentDocument = Omit<Intent, 'user'> & { readonly _id: string }

export function toIntent({ _id: user, kind, records, through }: IntentDocument): Intent {
  return { user, kind, records, through }
}

export class MongoIntents implements IntentStore {
  readonly #intents: Collection<IntentDocument>

  constructor(db: Db) {
    this.#intents = db.collection<IntentDocument>(COLLECTIONS.intents)
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
        if (current) return current
      }
    }
  }

  async get(user: string): Promise<Intent | null> {
    const document = await this.#intents.findOne({ _id: user })
    return document && toIntent(document)
  }

  async finish(user: string): Promise<void> {
    await this.#intents.deleteOne({ _id: user })
  }
}
