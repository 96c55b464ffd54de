/** Reading all that is stored, piece by piece: the one loop for checking and for mending. */

import type { ScannedPiece } from '../ports/data.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress } from './deps.ts'

/**
 * Reads every document once. It holds no more than one piece in memory.
 *
 * @param visit called for each piece, and waited for
 * @param stop ends it between two pieces
 */
export async function walk(
  { data }: Pick<Store, 'data'>,
  visit: (collection: string, piece: ScannedPiece) => Promise<void> | void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<void> {
  const collections = await data.collections()
  const total = collections.reduce((sum, { documents }) => sum + documents, 0)
  let done = 0
  for (const { name } of collections) {
    for await (const piece of data.scan(name, stop)) {
      await visit(name, piece)
      done += piece.documents
      onProgress('documents', done, Math.max(total, done))
    }
  }
}
