/** The ways in which scripts, shells and exports have written the id of a mood into a record. */

import fc from 'fast-check'

const upperAtRandom = (id: string): fc.Arbitrary<string> =>
  fc.bigInt({ min: 0n, max: (1n << 24n) - 1n }).map((mask) => {
    return Array.from(id, (digit, i) => ((mask >> BigInt(i)) & 1n ? digit.toUpperCase() : digit)).join('')
  })

const blanks = fc.constantFrom('', ' ', '  ', '\t', '\n', ' ')

/** A value of `ref` or `mongoId` that names this mood. @param id 24 hex digits */
export function spellingsOf(id: string): fc.Arbitrary<unknown> {
  const digits = fc.oneof(fc.constant(id), fc.constant(id.toUpperCase()), upperAtRandom(id))
  const padded = fc.tuple(blanks, digits, blanks).map((parts) => parts.join(''))
  const wrapped = fc.tuple(digits, fc.constantFrom(...WRAPPERS)).map(([hex, wrap]) => wrap(hex))
  return fc.oneof(
    padded,
    fc.tuple(blanks, wrapped, blanks).map((parts) => parts.join('')),
    padded.map((hex) => ({ $oid: hex })),
  )
}

const WRAPPERS: readonly ((hex: string) => string)[] = [
  (hex) => `ObjectId("${hex}")`,
  (hex) => `ObjectId('${hex}')`,
  (hex) => `new ObjectId("${hex}")`,
  (hex) => `objectid(${hex})`,
  (hex) => `ObjectId( "${hex}" )`,
  (hex) => `{"$oid":"${hex}"}`,
  (hex) => `{ "$oid": "${hex}" }`,
  (hex) => `"${hex}"`,
]

/** Values of `ref` of which nobody can say for certain what they name. */
export const UNCLEAR: readonly unknown[] = [
  '',
  '  ',
  5,
  true,
  [],
  {},
  { $oid: 5 },
  { $oid: 'zz' },
  { oid: 'a'.repeat(24) },
  { $oid: 'a'.repeat(24), more: 1 },
  'ObjectId(',
  'ObjectId("")',
  'ObjectId("xyz")',
  '{"$oid":',
  '[object Object]',
  ['a'.repeat(24)],
]
