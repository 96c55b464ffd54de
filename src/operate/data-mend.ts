/** Mends what can be mended for certain, and puts back what was there. */

import pMap from 'p-map'
import { CheckTally } from '../domain/data-check.ts'
import type { FoundOdd } from '../domain/mend.ts'
import { count } from '../domain/tally.ts'
import type { MendedDocument, ScannedPiece } from '../ports/data.ts'
import { checkData, keepCheck } from './data-check.ts'
import { walk } from './data-walk.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { pagesOf } from './pages.ts'

type Deps = Pick<OperatorDeps, 'store' | 'clock'>

/** What mending comes to, counted before anything is changed. */
export interface MendPlan {
  /** How many documents can be mended whole. */
  readonly mendable: number
  /** How many odd documents cannot. */
  readonly left: number
  /** How many documents get another value in a field, by collection and field. */
  readonly changes: readonly { readonly collection: string; readonly field: string; readonly documents: number }[]
  /** Of the moods among them. */
  readonly moods: {
    /** Private as long as they are odd, and public then. */
    readonly becomePublic: number
    /** Deleted as long as they are odd, and there again then. */
    readonly comeBack: number
    /** Shown in lists then. */
    readonly shown: number
    /** Never seen by the engine: held as history until an operator publishes that. */
    readonly history: number
    /** In the queue of the engine, which takes them up at once. */
    readonly pending: number
    /** Private or deleted, while their records are said to be published. */
    readonly recordLeft: number
  }
}

export interface MendedData extends MendPlan {
  readonly executed: boolean
  readonly complete: boolean
  readonly mended: number
  /** Changed by others meanwhile, and left as they are now. */
  readonly changedMeanwhile: number
}

/** Writes that are under way at the same time. */
const PARALLEL = 8

/**
 * Counts what can be mended; with `execute`, mends it then. What cannot be mended whole is left as it is.
 *
 * @param onPlan told what it comes to, before anything is changed
 * @param stop ends it between two pieces; what is mended stays so, and running it again mends the rest
 */
export async function mendData(
  deps: Deps,
  { execute }: { readonly execute: boolean },
  onPlan: (plan: MendPlan) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<MendedData> {
  const plan = await planMending(deps, onProgress, stop)
  const none = { ...plan, executed: execute, mended: 0, changedMeanwhile: 0 }
  if (!execute || stop.aborted) return { ...none, complete: !stop.aborted }
  onPlan(plan)
  const tally = new CheckTally()
  let [mended, changedMeanwhile] = [0, 0]
  const visit = async (collection: string, { documents, odd }: ScannedPiece): Promise<void> => {
    tally.read(documents)
    const one = async (found: FoundOdd): Promise<void> => {
      const isMendable = found.mending !== null
      const isDone = isMendable && (await deps.store.data.mend(collection, found.id, deps.clock.now()))
      if (isDone) mended++
      else tally.odd(collection, found, isMendable)
      if (isMendable && !isDone) changedMeanwhile++
    }
    await pMap(odd, one, { concurrency: PARALLEL })
  }
  await walk(deps.store, visit, (_, done, total) => onProgress('documents looked at to be mended', done, total), stop)
  // What is odd now is known from this walk.
  if (!stop.aborted) await keepCheck(deps.store, tally.result(deps.clock.now()))
  return { ...none, mended, changedMeanwhile, complete: !stop.aborted && changedMeanwhile === 0 }
}

async function planMending({ store }: Deps, onProgress: OnProgress, stop: AbortSignal): Promise<MendPlan> {
  let [mendable, left] = [0, 0]
  const changes = new Map<string, MendPlan['changes'][number]>()
  const moods = { becomePublic: 0, comeBack: 0, shown: 0, history: 0, pending: 0, recordLeft: 0 }
  const add = (collection: string, { mending }: FoundOdd): void => {
    if (mending === null) return void left++
    mendable++
    for (const { field } of mending.changes) {
      const key = `${collection} ${field}`
      changes.set(key, { collection, field, documents: (changes.get(key)?.documents ?? 0) + 1 })
    }
    const { effect } = mending
    if (effect === null) return
    if (effect.becomesPublic) moods.becomePublic++
    if (effect.returns) moods.comeBack++
    if (effect.shown) moods.shown++
    if (effect.next === 'backfill') moods.history++
    if (effect.next === 'pending') moods.pending++
    if (effect.next === 'record_left') moods.recordLeft++
  }
  await walk(store, (collection, { odd }) => odd.forEach((found) => add(collection, found)), onProgress, stop)
  const sorted = [...changes.values()].toSorted((a, b) => b.documents - a.documents)
  return { mendable, left, changes: sorted, moods }
}

export interface UnmendedData {
  readonly executed: boolean
  readonly complete: boolean
  /** Put back, or (without `execute`) to be put back. */
  readonly putBack: number
  /** As they were before already. */
  readonly asBefore: number
  /** Left alone: changed since they were mended, or while this ran. */
  readonly changed: number
  /** Not there any more. */
  readonly gone: number
}

const PAGE = 500

/**
 * Puts back what was there before documents were mended, byte for byte, where their fields have not been changed since.
 *
 * @param stop ends it between two pages; running it again does the rest
 */
export async function unmendData(
  { store, clock }: Deps,
  { execute }: { readonly execute: boolean },
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<UnmendedData> {
  const found: Partial<Record<MendedDocument['standing'], number>> = {}
  let done = 0
  const read = (after: string) => store.data.mended(after, PAGE)
  for await (const page of pagesOf({ read, positionOf: ({ key }) => key, after: '', stop })) {
    const one = async ({ key, standing }: MendedDocument): Promise<void> => {
      const isLost = standing === 'mended' && execute && !(await store.data.unmend(key))
      count(found, isLost ? 'changed' : standing)
    }
    await pMap(page, one, { concurrency: PARALLEL })
    done += page.length
    onProgress('mended documents', done, 0)
  }
  if (execute && !stop.aborted) await checkData({ store, clock }, { most: 0 }, onProgress, stop)
  const { mended: putBack = 0, as_before: asBefore = 0, changed = 0, gone = 0 } = found
  return { executed: execute, complete: !stop.aborted, putBack, asBefore, changed, gone }
}
