/**
 * What holds on a host. PDSes differ in what a write means: what is found out of one is kept, and decides how it is written to.
 * Pure; see `docs/decisions/0022-host-facts.md`.
 */

import { MAX_WRITES } from './batches.ts'
import { FURTHEST, isVoid } from './furthest.ts'
import { codeOf, type Failure, isLostSwap } from './outcome.ts'
import type { RepoWrite } from './plan.ts'

/**
 * What a `swapRecord` in `putRecord` does: `protects`, nothing is written where something else is there; `ignored`, it is written
 * over; `refused`, the host takes no such request at all.
 */
export type Swap = 'protects' | 'ignored' | 'refused'

/** `applyWrites`: there, and a creation in it does not write over what exists; there, and it does; not there. */
type Batches = 'protected' | 'unprotected' | 'none'

export interface HostTraits {
  /** `swapRecord: null`: nothing may be there yet. */
  readonly nullSwap: Swap
  /** `swapRecord` with a CID: this very record has to be there. */
  readonly cidSwap: Swap
  readonly batches: Batches
  /** Whether the deletion of a record that is not there is fine. */
  readonly deletesNothing: boolean
  /** Whether single blocks of a repo can be read. */
  readonly getBlocks: boolean
  /** Whether a repo can be read whole. */
  readonly getRepo: boolean
}

export interface HostFacts extends HostTraits {
  /** When they were found out, in ms since 1970. */
  readonly at: number
}

/** What the reference PDS does. */
export const REFERENCE: HostTraits = {
  nullSwap: 'protects',
  cidSwap: 'protects',
  batches: 'protected',
  deletesNothing: true,
  getBlocks: true,
  getRepo: true,
}

/** A host of which nothing is known is taken for one that protects nothing. */
export const WEAKEST: HostFacts = {
  at: 0,
  nullSwap: 'ignored',
  cidSwap: 'ignored',
  batches: 'none',
  deletesNothing: false,
  getBlocks: false,
  getRepo: false,
}

const SWAPS: ReadonlySet<unknown> = new Set(['protects', 'ignored', 'refused'])
const BATCHES: ReadonlySet<unknown> = new Set(['protected', 'unprotected', 'none'])
const FLAGS = ['deletesNothing', 'getBlocks', 'getRepo'] as const

/** Facts as they are stored. @returns null for what cannot be read: they are found out again */
export function readHostFacts(stored: unknown): HostFacts | null {
  if (typeof stored !== 'object' || stored === null) return null
  const facts = stored as HostFacts
  const isWhole =
    Number.isSafeInteger(facts.at) &&
    SWAPS.has(facts.nullSwap) &&
    SWAPS.has(facts.cidSwap) &&
    BATCHES.has(facts.batches) &&
    FLAGS.every((name) => typeof facts[name] === 'boolean')
  if (!isWhole) return null
  const { at, nullSwap, cidSwap, batches, deletesNothing, getBlocks, getRepo } = facts
  return { at, nullSwap, cidSwap, batches, deletesNothing, getBlocks, getRepo }
}

/** A host is asked again after so long: another version may run there by then. */
const GOOD_FOR_MS = 7 * 24 * 60 * 60_000

/** Whether facts still count. @param now ms since 1970 */
export function isFresh({ at }: HostFacts, now: number): boolean {
  return at > now - GOOD_FOR_MS && !isVoid(at, now, FURTHEST.skew)
}

/**
 * Whether these writes can never change or replace a record that we have not seen: the host compares. Deletions name
 * nothing, and are planned from a reading and verified by another anyway.
 */
export function isGuarded(facts: HostFacts, writes: readonly RepoWrite[]): boolean {
  const isBatch = writes.length > 1
  return writes.every(({ action }) => {
    if (action === 'delete') return true
    if (isBatch) return action === 'create' && facts.batches === 'protected'
    return (action === 'create' ? facts.nullSwap : facts.cidSwap) === 'protects'
  })
}

/** Whether every write to the host is guarded: then it may be planned from what is remembered of the repo. */
export function guardsAll({ nullSwap, cidSwap, batches }: HostFacts): boolean {
  return nullSwap === 'protects' && cidSwap === 'protects' && batches !== 'unprotected'
}

/** The most writes that the host takes in one request. */
export function mostWrites({ batches }: HostFacts): number {
  return batches === 'none' ? 1 : MAX_WRITES
}

/** Methods that the host does not have: NSIDs. */
export function lacking({ batches, getBlocks, getRepo }: HostTraits): readonly string[] {
  return [
    ...(batches === 'none' ? ['com.atproto.repo.applyWrites'] : []),
    ...(getBlocks ? [] : ['com.atproto.sync.getBlocks']),
    ...(getRepo ? [] : ['com.atproto.sync.getRepo']),
  ]
}

/** Names by which hosts say that there is no such method; some say it by a status alone. */
const NO_METHOD = new Set(['MethodNotImplemented', 'XRPCNotSupported', 'Status404', 'Status405', 'Status501'])

/** Whether the answer to a batch says that the host has none. */
export function refusesBatches(writes: readonly RepoWrite[], failure: Failure): boolean {
  return writes.length > 1 && NO_METHOD.has(codeOf(failure))
}

/** Whether the answer to a write shows that the host is not what it was taken for. */
export function contradicts(facts: HostFacts, writes: readonly RepoWrite[], failure: Failure): boolean {
  if (refusesBatches(writes, failure)) return facts.batches !== 'none'
  // It does compare: it has become stronger.
  return isLostSwap(failure) && writes.length === 1 && writes[0]?.action !== 'delete' && !isGuarded(facts, writes)
}

/** Where the host is weaker than the reference PDS, and what is done about it, in words that stand after each other; none where it is not. */
export function weaknesses(facts: HostFacts): readonly string[] {
  const { nullSwap, cidSwap, batches, deletesNothing, getBlocks, getRepo } = facts
  const swaps = [nullSwap, cidSwap].includes('refused') ? 'refuses swapRecord' : 'ignores swapRecord'
  const found: string[] = []
  if (nullSwap !== 'protects' && cidSwap !== 'protects') found.push(`${swaps}: every write may overwrite`)
  else if (nullSwap !== 'protects') found.push('takes "swapRecord: null" for none: creations may overwrite')
  else if (cidSwap !== 'protects') found.push(`${swaps} with a CID: replacements may overwrite`)
  if (batches === 'none') found.push('has no applyWrites: one request for each mood')
  if (batches === 'unprotected') found.push('overwrites in applyWrites')
  if (!deletesNothing) found.push('refuses to delete what is not there')
  if (!getBlocks) found.push('has no getBlocks: repositories are read whole')
  if (!getRepo) found.push('has no getRepo: repositories are read page by page')
  return found
}
