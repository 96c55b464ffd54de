/** What `moods proof` prints with `--json`. */

import { Type } from 'typebox'
import { FINDING_KINDS } from '../../domain/finding-kinds.ts'
import { UNPROVEN_CODES } from '../../domain/unproven-codes.ts'
import { SYNC_STATES } from '../../domain/sync.ts'
import { oneOf } from '../../http/contract.ts'
import { CHECK_RESULTS } from '../../operate/proof.ts'
import { closed, many, nullable, reasonFields, someOf, time, who } from './shape.ts'

export const proof = {
  proofs: Type.Array(
    closed({
      ...who,
      account: nullable(
        closed({
          did: nullable(Type.String()),
          pds: nullable(Type.String()),
          pdsHandle: nullable(Type.String()),
        }),
      ),
      mood: nullable(
        closed({
          id: Type.String(),
          rkey: Type.String(),
          cid: nullable(Type.String()),
          state: oneOf(SYNC_STATES),
        }),
      ),
      proof: nullable(
        closed({
          did: Type.String(),
          rev: Type.String({ description: 'of the signed commit' }),
          commit: Type.String({ description: 'its CID' }),
          records: Type.Integer({ minimum: 0, description: 'records of the collection that were proven equal' }),
          at: time,
          seenAt: time,
          ageMs: nullable(many),
        }),
      ),
      why: nullable(closed({ ...reasonFields, code: oneOf(UNPROVEN_CODES) })),
      look: nullable(closed({ at: time, findings: someOf(FINDING_KINDS) })),
      commands: Type.Array(closed({ shows: Type.String(), command: Type.String() }), {
        description: 'what anyone can ask, without this program',
      }),
      checked: nullable(
        closed({
          result: oneOf(CHECK_RESULTS),
          findings: someOf(FINDING_KINDS),
          code: nullable(Type.String({ description: 'why the repository could not be read' })),
        }),
      ),
    }),
  ),
}
