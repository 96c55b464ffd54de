/** The one shape of everything that commands print with `--json`. */

import { VERSION } from '../version.ts'

/** What each document begins with. */
interface Envelope {
  /** The command's name, without `moods`. */
  readonly command: string
  /** Whether the exit code is 0. */
  readonly ok: boolean
  /** Whether everything was looked at, without an interruption. */
  readonly complete: boolean
}

/** Prints the one document of a command on standard output. Fields that the envelope has too are the envelope's. */
export function printDocument({ command, ok, complete }: Envelope, fields: object): void {
  const envelope = { command, version: VERSION, ok, complete }
  console.log(JSON.stringify({ ...envelope, ...fields, ...envelope }, null, 2))
}
