/** This machine's clock beside that of the store, for commands that look once. */

import type { Config } from '../config.ts'
import { NO_OFFSETS, type ClockOffsets } from '../domain/clocks.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'

/** How far the store's clock is ahead; not known of a file, which has no clock of its own. @throws DomainError `unavailable` */
export async function storeOffset(
  { store: { kind } }: Pick<Config, 'store'>,
  store: Pick<Store, 'time'>,
  clock: Clock,
): Promise<ClockOffsets> {
  if (kind === 'sqlite') return NO_OFFSETS
  const before = clock.now()
  const time = await store.time()
  return { ...NO_OFFSETS, store: Math.round(time - (before + clock.now()) / 2) }
}
