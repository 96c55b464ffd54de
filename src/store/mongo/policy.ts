/** The operator's policy in MongoDB: one document. */

import type { Collection, Db, Document } from 'mongodb'
import { isOdd } from '../../domain/odd.ts'
import { FEDERATE_NONE, type PolicyMode, type StoredPolicy, unreadablePolicy } from '../../domain/policy.ts'
import { readPolicy, readSwitch } from '../../domain/read-notes.ts'
import type { PolicyStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { storedDocument } from './stored.ts'
import { Together } from './together.ts'

export interface PolicyDocument {
  readonly _id: 'federation'
  readonly mode: PolicyMode
  readonly percent: number
  readonly allow: readonly string[]
  readonly setBy: string
  readonly setAt: Date
  readonly reason: string | null
  readonly version: number
}

/** What earlier versions kept: a switch that could only be off. */
interface SwitchDocument {
  readonly _id: 'publishing'
  readonly isOff: boolean
}

export function toPolicy(document: Document): StoredPolicy {
  const reading = readPolicy(storedDocument(document))
  return isOdd(reading) ? unreadablePolicy(reading) : reading
}

export function toPolicyDocument({ policy, by, at, reason, version }: StoredPolicy): PolicyDocument {
  const { mode, percent, allow } = policy
  const rest = { setBy: by, setAt: new Date(at), reason, version }
  return { _id: 'federation', mode, percent, allow, ...rest }
}

export class MongoPolicy implements PolicyStore {
  readonly #policy: Collection<PolicyDocument>
  readonly #switches: Collection<SwitchDocument>
  readonly #get = new Together<null, StoredPolicy | null>(async (calls) => {
    const document = await this.#policy.findOne({ _id: 'federation' })
    return calls.map(() => document && toPolicy(document))
  })

  constructor(db: Db) {
    this.#policy = db.collection<PolicyDocument>(COLLECTIONS.policy)
    this.#switches = db.collection<SwitchDocument>(COLLECTIONS.policy)
  }

  get(): Promise<StoredPolicy | null> {
    return this.#get.ask(null)
  }

  async begin(first: Omit<StoredPolicy, 'version'>): Promise<StoredPolicy> {
    const before = await this.#switches.findOne({ _id: 'publishing' })
    const wasOff = before !== null && isOff(before)
    // What an operator has stopped stays stopped, whatever the environment says.
    const policy = wasOff ? FEDERATE_NONE : first.policy
    const reason = wasOff ? 'publishing was stopped with an earlier version' : first.reason
    const { _id, ...fields } = toPolicyDocument({ ...first, policy, reason, version: 1 })
    const document = await this.#policy.findOneAndUpdate(
      { _id },
      { $setOnInsert: fields },
      { upsert: true, returnDocument: 'after' },
    )
    return toPolicy(document!)
  }

  async save({ odd, ...policy }: StoredPolicy): Promise<StoredPolicy | null> {
    if (odd) return this.#replaceOdd(policy)
    const saved = { ...policy, version: policy.version + 1 }
    const { _id, ...fields } = toPolicyDocument(saved)
    const { matchedCount } = await this.#policy.updateOne({ _id, version: policy.version }, { $set: fields })
    return matchedCount === 1 ? saved : null
  }
  /** What version it had may be odd as well; nobody else writes to what cannot be read. */
  async #replaceOdd(policy: StoredPolicy): Promise<StoredPolicy | null> {
    const before: Document | null = await this.#policy.findOne({ _id: 'federation' })
    if (!before || !toPolicy(before).odd) return null
    const { version, setAt } = before
    const saved = { ...policy, version: (Number.isSafeInteger(version) && version > 0 ? version : 0) + 1 }
    const { _id, ...fields } = toPolicyDocument(saved)
    const asRead = { version: { $eq: version ?? null }, setAt: { $eq: setAt ?? null } }
    const { matchedCount } = await this.#policy.updateOne({ _id, ...asRead }, { $set: fields })
    return matchedCount === 1 ? saved : null
  }
}

/** A switch that cannot be read is off. */
function isOff(document: Document): boolean {
  const reading = readSwitch(storedDocument(document))
  return isOdd(reading) || reading.isOff
}
