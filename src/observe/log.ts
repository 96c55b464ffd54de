/** The log: JSON lines on standard error, so that standard output is for the results of a command. */

import { type DestinationStream, destination, type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** @param to where lines go; standard error unless a test wants to read them */
export function createLog(level: string, to: DestinationStream = destination(2)): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, to)
}
