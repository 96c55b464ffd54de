/** The log of an installation, kept to be looked at: what happened, line by line. */

import { Writable } from 'node:stream'
import { createLog, type Logger } from '../../src/observe/log.ts'

export interface LoggedEvent {
  readonly msg: string
  readonly count?: number
  readonly [field: string]: unknown
}

/** A log for `overrides`, at every level, and the events in it since they were last taken. */
export function recordedLog(): { readonly log: Logger; readonly take: () => readonly LoggedEvent[] } {
  let lines: LoggedEvent[] = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as LoggedEvent)
      done()
    },
  })
  return {
    log: createLog('trace', sink),
    take() {
      const taken = lines
      lines = []
      return taken
    },
  }
}

/** How many moods or records each kind of event told of; those that count nothing count once. */
export function tally(events: readonly LoggedEvent[], names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { msg, count = 1 } of events) {
    if (names.includes(msg)) counts[msg] = (counts[msg] ?? 0) + count
  }
  return counts
}
