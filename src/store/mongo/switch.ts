/** The publishing switch in MongoDB. */

import type { Collection, Db } from 'mongodb'
import type { SwitchStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'

interface SwitchDocument {
  readonly _id: 'publishing'
  readonly isOff: boolean
}

export class MongoSwitch implements SwitchStore {
  readonly #switches: Collection<SwitchDocument>

  constructor(db: Db) {
    this.#switches = db.collection<SwitchDocument>(COLLECTIONS.switches)
  }

  async isOff(): Promise<boolean> {
    return (await this.#switches.findOne({ _id: 'publishing' }))?.isOff ?? false
  }

  async turn(isOff: boolean): Promise<void> {
    await this.#switches.updateOne({ _id: 'publishing' }, { $set: { isOff } }, { upsert: true })
  }
}
