/** What each field may hold, what mends it, and what to do where nothing does. `docs/guides/odd-data.md` prints this table. */

import type { Odd, OddKind } from './odd.ts'

interface FieldAdvice {
  /** Fields it is about, of moods where no collection is named. */
  readonly fields: readonly string[]
  readonly mayHold: string
  /** What `moods data mend` converts, and to what; null for nothing. */
  readonly mended: string | null
  /** What is left to an operator. */
  readonly byHand: string
}

const TIMES = 'text with a zone, and whole milliseconds since 1970 from September 2001 on, become dates'
const ENGINE =
  'Remove the field "atproto"; the mood is history then, which "moods backfill --execute" compares with its repository'
const COUNTS = 'a whole number of another type becomes a number'

/** The fields of moods, in the order in which they are looked at. */
export const MOOD_ADVICE: readonly FieldAdvice[] = [
  {
    fields: ['_id'],
    mayHold: 'an ObjectId, or text of 1 to 512 characters',
    mended: null,
    byHand: 'Copy the document under an id that is an ObjectId or text, and remove this one',
  },
  {
    fields: ['isPrivate', 'deleted'],
    mayHold: '`true`, `false`, `null`, or nothing; nothing and `null` mean no',
    mended: '`"true"` and 1 become `true`, `"false"`, `"0"` and 0 become `false`, `"1"` becomes `true`',
    byHand: 'Set it to true or false, whichever was meant; until then the mood counts as private and deleted',
  },
  {
    fields: ['user'],
    mayHold: 'text that is not empty: the `sub` of the sign-in provider',
    mended: null,
    byHand: 'Put the name of its user there, if it is known whose it is; otherwise remove the document',
  },
  {
    fields: ['when'],
    mayHold: 'a date from 1970 to the middle of 2255',
    mended: `${TIMES}; so do those in \`{"$date": …}\``,
    byHand: 'Put its time there as a date; a mood whose time nobody knows cannot be published',
  },
  {
    fields: ['mood'],
    mayHold: 'text in UTF-8',
    mended: null,
    byHand: 'Put the text back from a backup; what has no text is no mood, and can be removed',
  },
  {
    fields: ['intensity'],
    mayHold: 'a whole number from 1 to 10, `null`, or nothing',
    mended: COUNTS,
    byHand: 'Set it to a whole number from 1 to 10, or remove the field',
  },
  {
    fields: ['context'],
    mayHold: 'text in UTF-8, `null`, or nothing',
    mended: null,
    byHand: 'Set it to text, or remove the field',
  },
  {
    fields: ['atproto'],
    mayHold: 'an object, `null`, or nothing',
    mended: '`false`, 0 and `""` become `null`',
    byHand: 'Remove the field; the mood is history then, which "moods backfill --execute" compares with its repository',
  },
  {
    fields: ['atproto.dueAt', 'atproto.changedAt', 'atproto.firstPublished.at', 'atproto.firstPublished.direct'],
    mayHold: 'what the engine wrote: dates, and a flag',
    mended: `${TIMES}; flags as above`,
    byHand: ENGINE,
  },
  {
    fields: ['atproto.version', 'atproto.ordinal', 'atproto.attempts', 'atproto.error.at'],
    mayHold: 'what the engine wrote: whole numbers',
    mended: COUNTS,
    byHand: ENGINE,
  },
  {
    fields: [
      'atproto.state',
      'atproto.hold',
      'atproto.uri',
      'atproto.cid',
      'atproto.error',
      'atproto.error.code',
      'atproto.error.message',
      'atproto.deletion',
      'atproto.deletion.by',
      'atproto.deletion.records',
      'atproto.firstPublished',
    ],
    mayHold: 'what the engine wrote',
    mended: null,
    byHand: ENGINE,
  },
]

/** Of all that the engine keeps beside its moods. */
const OTHERS = 'Correct the field by hand, or restore the document from a backup'

const TWIN =
  'Remove the field "atproto" if this is a mood of its own, or the document if it is a copy: another mood of the user has the ' +
  'same, and that one is published'

/** Of values that several documents have, by kind and field. */
const SHARED: Readonly<Partial<Record<OddKind, Readonly<Record<string, string>>>>> = {
  shared: {
    'atproto.did': 'Take the DID from the users whose it is not; until then nothing is published for any of them',
    handle: 'Give all but one of these users another handle; until then it is nobody’s',
    'atproto.rkey': TWIN,
    'atproto.ordinal': TWIN,
  },
  alike: {
    handle: 'Each handle is its user’s; give one of them another handle, since handles on a PDS have no case',
  },
}

/** What an operator can do about an odd document. @param isMendable whether all that is odd about it can be converted */
export function oddRemedy(
  collection: string,
  { field, kind }: Pick<Odd, 'field' | 'kind'>,
  isMendable: boolean,
): string {
  if (isMendable) return '"moods data mend --execute" converts it'
  const ofShared = SHARED[kind]?.[field]
  if (ofShared !== undefined) return ofShared
  if (collection !== 'moods') return OTHERS
  return MOOD_ADVICE.find(({ fields }) => fields.includes(field))?.byHand ?? OTHERS
}
