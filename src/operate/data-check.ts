/** Looks through all that is stored and names what is odd. Changes nothing, except that it keeps what it has found. */

import { CheckTally, type DataCheck } from '../domain/data-check.ts'
import { DomainError } from '../domain/errors.ts'
import type { FoundOdd } from '../domain/mend.ts'
import type { ScannedPiece } from '../ports/data.ts'
import type { Store } from '../ports/store.ts'
import { walk } from './data-walk.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'

/** An odd document, with where it is. */
export interface Oddity extends FoundOdd {
  readonly collection: string
}

export interface CheckedData extends DataCheck {
  /** Whether all documents were looked at. */
  readonly complete: boolean
  /** The first odd documents, as many as were asked for. */
  readonly listed: readonly Oddity[]
  /** Why the result is not kept for others to see; null where it is. */
  readonly notKept: string | null
}

/**
 * Reads every document once; only what is odd is held in memory.
 *
 * @param most how many odd documents are listed; all are counted
 * @param onPiece called after each piece, and waited for
 * @param stop ends it between two pieces; what it has found until then is not kept
 */
export async function checkData(
  { store, clock }: Pick<OperatorDeps, 'store' | 'clock'>,
  { most }: { readonly most: number },
  onProgress: OnProgress,
  stop: AbortSignal,
  onPiece: () => Promise<void> = async () => {},
): Promise<CheckedData> {
  const tally = new CheckTally()
  const listed: Oddity[] = []
  const visit = async (collection: string, { documents, odd }: ScannedPiece): Promise<void> => {
    tally.read(documents)
    for (const found of odd) {
      tally.odd(collection, found, found.mending !== null)
      if (listed.length < most) listed.push({ ...found, collection })
    }
    await onPiece()
  }
  await walk(store, visit, onProgress, stop)
  const result = tally.result(clock.now())
  const complete = !stop.aborted
  return { ...result, complete, listed, notKept: complete ? await keepCheck(store, result) : 'it was stopped' }
}

/** Keeps a result for others to see. Whoever may only read can check as well, and is told why it is not kept. */
export async function keepCheck({ tasks }: Pick<Store, 'tasks'>, check: DataCheck): Promise<string | null> {
  try {
    await tasks.note('check', check)
    return null
  } catch (error) {
    if (error instanceof DomainError && error.code === 'unavailable') throw error
    return error instanceof Error ? error.message : String(error)
  }
}
