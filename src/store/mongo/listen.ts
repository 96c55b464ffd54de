/** Wakes workers when another process marks a repo: a change stream, where the server has one (replica sets, sharded clusters). */

import { type ChangeStream, type Collection, type Document, MongoError } from 'mongodb'
import { setTimeout } from 'node:timers/promises'

/** Pause before a broken stream is opened again; workers poll meanwhile. */
const PAUSE_MS = 1000

/** Servers without an oplog have no change streams (code 40573). */
const NO_STREAMS = 40573

/**
 * Calls `wake` when a document of the collection is made due.
 *
 * @returns how to stop
 */
export function listen<T extends Document>(collection: Collection<T>, wake: () => void): Disposable {
  const stopping = new AbortController()
  const pipeline = [
    {
      $match: {
        $or: [
          { operationType: 'insert' },
          { operationType: 'update', 'updateDescription.updatedFields.marks': { $exists: true } },
        ],
      },
    },
  ]
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const stream: ChangeStream<T> = collection.watch(pipeline)
      const close = (): void => void stream.close().catch(() => {})
      stopping.signal.addEventListener('abort', close, { once: true })
      try {
        for (;;) {
          await stream.next()
          wake()
        }
      } catch (error) {
        if (error instanceof MongoError && error.code === NO_STREAMS) return
      } finally {
        stopping.signal.removeEventListener('abort', close)
        close()
      }
      await setTimeout(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  void run()
  return { [Symbol.dispose]: () => stopping.abort() }
}
