/** Records that every version of the lexicon has to accept, and records that it has to refuse. */

import { COLLECTION } from '../domain/record.ts'

export interface Sample {
  readonly name: string
  readonly record: Readonly<Record<string, unknown>>
  /** The field for which it has to be refused; null for a record that has to be accepted. */
  readonly refusedFor: string | null
}

const LEAST = {
  $type: COLLECTION,
  text: 'calm',
  createdAt: '2026-01-02T03:04:05.678Z',
  mongoId: '65f0c0ffee0000000000000a',
}
/** One grapheme of ten bytes, and one of twelve: a thumb, a skin tone, and one or two accents. */
const TEN_BYTES = '\u{1F44D}\u{1F3FD}\u0301'
const TWELVE_BYTES = `${TEN_BYTES}\u0301`

function accepted(name: string, more: Readonly<Record<string, unknown>>): Sample {
  return { name, record: { ...LEAST, ...more }, refusedFor: null }
}

function refused(name: string, field: string, value: unknown): Sample {
  const { [field]: _, ...rest }: Record<string, unknown> = LEAST
  return { name, record: value === undefined ? rest : { ...rest, [field]: value }, refusedFor: field }
}

/** The product's own records and those at the limits that it promises to its users: a document must agree with all of them. */
export const SAMPLES: readonly Sample[] = [
  accepted('no more than what is required', {}),
  accepted('every field', { intensity: 7, context: 'after the rain', isPrivate: false }),
  accepted('text of 280 graphemes', { text: 'x'.repeat(280) }),
  accepted('text of 280 graphemes and 2800 bytes', { text: TEN_BYTES.repeat(280) }),
  accepted('the lowest intensity', { intensity: 1 }),
  accepted('the highest intensity', { intensity: 10 }),
  accepted('context of 1000 graphemes', { context: TEN_BYTES.repeat(1000) }),
  accepted('a field that nobody knows yet', { weather: 'rain' }),
  refused('no text', 'text', undefined),
  refused('empty text', 'text', ''),
  refused('text of 281 graphemes', 'text', 'x'.repeat(281)),
  refused('text of 280 graphemes and 2802 bytes', 'text', TEN_BYTES.repeat(279) + TWELVE_BYTES),
  refused('text that is a number', 'text', 5),
  refused('no createdAt', 'createdAt', undefined),
  refused('createdAt that is no time', 'createdAt', 'yesterday'),
  refused('intensity 0', 'intensity', 0),
  refused('intensity 11', 'intensity', 11),
  refused('intensity with a fraction', 'intensity', 1.5),
  refused('intensity that is text', 'intensity', '5'),
  refused('context of 1001 graphemes', 'context', 'x'.repeat(1001)),
  refused('isPrivate that is text', 'isPrivate', 'yes'),
  refused('no mongoId', 'mongoId', undefined),
  refused('empty mongoId', 'mongoId', ''),
  refused('mongoId of 129 bytes', 'mongoId', 'x'.repeat(129)),
  refused('another type', '$type', 'computer.aesthetic.painting'),
]
