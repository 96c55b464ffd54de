/** What the commands about odd data print with `--json`. */

import { Type } from 'typebox'
import { ODD_KINDS } from '../../domain/odd.ts'
import { oneOf } from '../../http/contract.ts'
import { closed, many, nullable } from './shape.ts'

const collection = Type.String({ description: 'the collection or table' })
const field = Type.String({ description: 'path of the first field at fault' })
const kind = oneOf(ODD_KINDS)
const user = nullable(Type.String({ description: 'whose it is; null where that cannot be read' }))

export const dataCheck = {
  documents: many,
  odd: many,
  mendable: Type.Integer({ minimum: 0, description: 'of the odd documents, how many can be converted whole' }),
  groups: Type.Array(closed({ collection, field, kind, documents: many, mendable: many }), {
    description: 'odd documents by what is odd about them, the most frequent first',
  }),
  oddities: Type.Array(
    closed({
      collection,
      id: Type.String({ description: 'as the product says ids; of a type that ids cannot have, a name for people' }),
      user,
      field,
      kind,
      mendable: Type.Boolean({ description: 'whether the document can be converted whole' }),
      text: Type.String({ description: 'what is wrong' }),
      remedy: Type.String({ description: 'what mends it' }),
    }),
    { description: 'all odd documents' },
  ),
  notKept: nullable(
    Type.String({ description: 'why status and doctor do not know of this check; null where they do' }),
  ),
}
