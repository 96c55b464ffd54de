/**
 * The documents that commands print with `--json`: one for each command, or one for each kind of work where a command has
 * several. The types keep commands to them, `docs/reference/json` publishes them as JSON Schema, and tests validate what
 * commands really print.
 */

import { type TProperties, Type } from 'typebox'
import {
  accountsCheck,
  accountsList,
  accountsProvision,
  accountsRehost,
  accountsReplace,
  accountsSeal,
} from './accounts.ts'
import { dataCheck, dataMend, dataUnmend } from './data.ts'
import {
  doctor,
  doctorLive,
  eraseOpen,
  eraseRestored,
  eraseTombstones,
  eraseUser,
  lexiconCheck,
  lexiconPublish,
  lexiconValidate,
  storeCopy,
} from './installation.ts'
import {
  audit,
  backfill,
  federationChange,
  federationStatus,
  repair,
  report,
  retry,
  rollback,
  status,
} from './moods.ts'
import { relaysCrawl } from './relays.ts'
import { proof } from './proof.ts'
import { closed, type Printed } from './shape.ts'
import { show } from './show.ts'

/** By the name of the command, without `moods`. */
export const DOCUMENTS = {
  doctor: [doctor, doctorLive],
  status: [status],
  show: [show],
  'lexicon validate': [lexiconValidate],
  'lexicon publish': [lexiconPublish],
  'lexicon check': [lexiconCheck],
  'federation status': [federationStatus],
  'federation off': [federationChange],
  'federation on': [federationChange],
  'federation percent': [federationChange],
  'federation allow': [federationChange],
  'accounts list': [accountsList],
  'accounts provision': [accountsProvision],
  'accounts seal': [accountsSeal],
  'accounts rehost': [accountsRehost],
  'accounts replace': [accountsReplace],
  'accounts check': [accountsCheck],
  backfill: [backfill],
  audit: [audit],
  proof: [proof],
  repair: [repair],
  retry: [retry],
  report: [report],
  rollback: [rollback],
  erase: [eraseUser, eraseOpen, eraseRestored, eraseTombstones],
  'relays crawl': [relaysCrawl],
  'data check': [dataCheck],
  'data mend': [dataMend, dataUnmend],
  'store copy': [storeCopy],
} as const satisfies Record<string, readonly TProperties[]>

/** A command that prints a document. */
export type Documented = keyof typeof DOCUMENTS

/** What such a command prints, beside the envelope that all share. */
export type DocumentOf<C extends Documented> = Printed<(typeof DOCUMENTS)[C][number]>

/** What each document begins with. `ok`: the exit code is 0; `complete`: all was looked at, and nothing interrupted it. */
function envelope(command: string) {
  return {
    command: Type.Literal(command),
    version: Type.String({ description: 'of moods' }),
    ok: Type.Boolean({ description: 'whether the exit code is 0' }),
    complete: Type.Boolean({ description: 'whether everything was looked at, without an interruption' }),
  }
}

/** The JSON Schema of everything that a command prints with `--json`. */
export function schemaOf(command: Documented): object {
  const never = Type.Literal(false)
  const failed = closed({
    ...envelope(command),
    ok: never,
    complete: never,
    error: closed({ code: Type.String(), message: Type.String() }),
  })
  const results = DOCUMENTS[command].map((fields) => closed({ ...envelope(command), ...fields }))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `moods ${command} --json`,
    anyOf: [...results, { description: 'the command could not run', ...failed }],
  }
}
