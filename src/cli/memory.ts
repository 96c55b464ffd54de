/** Memory of processes that run for long and serve no requests. */

import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 collect early what is no longer used, instead of letting tens of megabytes of it pile up. A worker or a command waits
 * for the PDS most of the time, so this makes it no slower (docs/performance.md); a server that answers requests is left as it is.
 */
export function preferSmallHeap(): void {
  setFlagsFromString('--optimize-for-size')
}
