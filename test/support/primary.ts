/** What is in the primary of an installation, read and changed without the product's own code, whichever store it is. */

import { chosenStore } from './stores.ts'

/** One mood, and the DID of its author. */
export interface PrimaryMood {
  readonly id: string
  readonly user: string
  readonly text: string
  readonly when: number
  readonly intensity: number | null
  readonly context: string | null
  readonly isPrivate: boolean
  readonly deleted: boolean
  readonly deletedRecords: string | null
  readonly state: string
  readonly rkey: string
  readonly cid: string | null
  readonly did: string | null
}

/** What no use case can do to a mood; it becomes pending with it. */
export interface Damage {
  readonly text?: string
  readonly isPrivate?: boolean
  /** The reference to the record is lost. */
  readonly unlinked?: boolean
}

/** One account, by its row. */
export interface PrimaryAccount {
  readonly user: string
  readonly did: string | null
  readonly state: string
  /** Code of what an operator has to see to. */
  readonly error: string | null
}

/** One erasure, and which of its steps are done: those that were needed, and those that were not. */
export interface PrimaryErasure {
  readonly receipt: string
  readonly done: Readonly<Record<string, { readonly needed: boolean }>>
}

/** What is stored of the last good look at a repo. */
export interface PrimaryProof {
  readonly user: string
  readonly findings: Readonly<Record<string, number>>
  readonly proof: {
    readonly did: string
    readonly rev: string
    readonly commit: string
    readonly records: number
  } | null
}

export interface Primary {
  moods(): Promise<PrimaryMood[]>
  dids(): Promise<string[]>
  accounts(): Promise<PrimaryAccount[]>
  erasures(): Promise<PrimaryErasure[]>
  proofs(): Promise<PrimaryProof[]>
  /** All that is stored, in any table or collection, as one text. */
  everything(): Promise<string>
  damage(id: string, damage: Damage): Promise<void>
  /** Writes what no mood may have in the place of its `isPrivate`; nothing else tells that it has changed. */
  spoil(id: string): Promise<void>
}

/** @param folder data folder of the installation */
export function primaryOf(folder: string): Primary {
  return chosenStore().primary(folder)
}
