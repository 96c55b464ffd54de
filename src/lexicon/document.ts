/**
 * Offline checks of a lexicon document: whether it is well formed, and what it accepts and refuses
 * (https://atproto.com/specs/lexicon).
 */

import { type LexiconDoc, Lexicons, parseLexiconDoc } from '@atproto/lexicon'
import type { LexMap } from '@atproto/lex-data'
import { DomainError } from '../domain/errors.ts'
import { cidOf, COLLECTION } from '../domain/record.ts'
import { type Sample, SAMPLES } from './samples.ts'

/** Where lexicons are published: in this collection, under the NSID as record key. */
export const LEXICON_COLLECTION = 'com.atproto.lexicon.schema'

/** A document as the record that publishes it, with the CID that every PDS gives it. */
export interface Publication {
  readonly document: LexiconDoc
  readonly value: LexMap & { readonly $type: string }
  readonly cid: string
}

/**
 * Reads a lexicon document.
 *
 * @param json as parsed from a file or a record; a `$type` of the record is no part of the document
 * @throws DomainError `bad_request` with a line for each thing that is wrong
 */
export function publicationOf(json: unknown): Publication {
  try {
    if (typeof json !== 'object' || json === null) throw new TypeError('it is no JSON object')
    const { $type: _, ...fields } = json as Record<string, unknown>
    const document = parseLexiconDoc(fields)
    const value = { $type: LEXICON_COLLECTION, ...(fields as LexMap) }
    return { document, value, cid: cidOf(value) }
  } catch (error) {
    throw new DomainError('bad_request', reasons(error).join('\n'), { cause: error })
  }
}

/** The parser throws a list of issues, each with the path of the field; everything else throws a message. */
function reasons(error: unknown): string[] {
  const { issues } = error as { issues?: readonly { path: readonly (string | number)[]; message: string }[] }
  if (!issues) return [`not a lexicon document: ${error instanceof Error ? error.message : String(error)}`]
  return issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`)
}

/**
 * Name of the DNS TXT record that says whose repo holds the lexicons of a group: the NSID's authority, which is all of it
 * but the last segment, reversed. It is not inherited from group to group (https://atproto.com/specs/lexicon).
 */
export function txtNameOf(nsid: string): string {
  return `_lexicon.${nsid.split('.').slice(0, -1).toReversed().join('.')}`
}

/** The line for the zone file. */
export function txtLineOf(nsid: string, did: string): string {
  return `${txtNameOf(nsid)} TXT "did=${did}"`
}

interface SampleResult {
  readonly name: string
  readonly expected: 'accepted' | 'refused'
  /** What the validator said; null when it accepted the record. */
  readonly reason: string | null
  readonly ok: boolean
}

export interface Validation {
  readonly ok: boolean
  readonly nsid: string | null
  /** What is wrong with the document itself. */
  readonly problems: readonly string[]
  readonly samples: readonly SampleResult[]
}

/**
 * Whether this is a lexicon document for moods that accepts what it should and refuses the rest, each for the right field,
 * as judged by `@atproto/lexicon`.
 *
 * @param json as parsed from the file
 */
export function validateLexicon(json: unknown): Validation {
  let document: LexiconDoc
  try {
    document = publicationOf(json).document
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { ok: false, nsid: null, problems: error.message.split('\n'), samples: [] }
  }
  const nsid = document.id
  if (nsid !== COLLECTION || document.defs['main']?.type !== 'record') {
    const problems = [nsid === COLLECTION ? 'main is not a record' : `this is ${nsid}, not ${COLLECTION}`]
    return { ok: false, nsid, problems, samples: [] }
  }
  // The library writes full names into the references of what it is given.
  const lexicons = new Lexicons([structuredClone(document)])
  const samples = SAMPLES.map((sample) => judge(lexicons, sample))
  return { ok: samples.every(({ ok }) => ok), nsid, problems: [], samples }
}

function judge(lexicons: Lexicons, { name, record, refusedFor }: Sample): SampleResult {
  const reason = refusal(lexicons, record)
  const ok = refusedFor === null ? reason === null : reason?.includes(refusedFor) === true
  return { name, expected: refusedFor === null ? 'accepted' : 'refused', reason, ok }
}

function refusal(lexicons: Lexicons, record: unknown): string | null {
  try {
    lexicons.assertValidRecord(COLLECTION, record)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
