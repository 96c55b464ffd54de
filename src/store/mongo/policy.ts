/** The operator's policy in MongoDB: one document. */

import type { Collection, Db } from 'mongodb'
import { FEDERATE_NONE, type PolicyMode, type StoredPolicy } from '../../domain/policy.ts'
import type { PolicyStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'

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

export function toPolicy({ mode, percent, allow, setBy, setAt, reason, version }: PolicyDocument): StoredPolicy {
  return { policy: { mode, percent, allow }, by: setBy, at: setAt.getTime(), reason, version }
}

export function toPolicyDocument({ policy, by, at, reason, version }: StoredPolicy): PolicyDocument {
  const { mode, percent, allow } = policy
  const rest = { setBy: by, setAt: new Date(at), reason, version }
  return { _id: 'federation', mode, percent, allow, ...rest }
}

export class MongoPolicy implements PolicyStore {
  readonly #policy: Collection<PolicyDocument>
  readonly #switches: Collection<SwitchDocument>

  constructor(db: Db) {
    this.#policy = db.collection<PolicyDocument>(COLLECTIONS.policy)
    this.#switches = db.collection<SwitchDocument>(COLLECTIONS.policy)
  }

  async get(): Promise<StoredPolicy | null> {
    const document = await this.#policy.findOne({ _id: 'federation' })
    return document && toPolicy(document)
  }

  async begin(first: Omit<StoredPolicy, 'version'>): Promise<StoredPolicy> {
    const before = await this.#switches.findOne({ _id: 'publishing' })
    // What an operator has stopped stays stopped, whatever the environment says.
    const policy = before?.isOff === true ? FEDERATE_NONE : first.policy
    const reason = before?.isOff === true ? 'publishing was stopped with an earlier version' : first.reason
    const { _id, ...fields } = toPolicyDocument({ ...first, policy, reason, version: 1 })
    const document = await this.#policy.findOneAndUpdate(
      { _id },
      { $setOnInsert: fields },
      { upsert: true, returnDocument: 'after' },
    )
    return toPolicy(document!)
  }

  async save(policy: StoredPolicy): Promise<StoredPolicy | null> {
    const saved = { ...policy, version: policy.version + 1 }
    const { _id, ...fields } = toPolicyDocument(saved)
    const { matchedCount } = await this.#policy.updateOne({ _id, version: policy.version }, { $set: fields })
    return matchedCount === 1 ? saved : null
  }
}
