/** What the commands about odd data print with `--json`. */

import { Type } from 'typebox'
import { ODD_KINDS } from '../../domain/odd.ts'
import { oneOf } from '../../http/contract.ts'
import { closed, many, nullable, time } from './shape.ts'

const collection = Type.String({ description: 'the collection or table' })
const field = Type.String({ description: 'path of the first field at fault' })
const kind = oneOf(ODD_KINDS)
const user = nullable(Type.String({ description: 'whose it is; null where that cannot be read' }))

const mendable = Type.Integer({ minimum: 0, description: 'of the odd documents, how many can be converted whole' })

/** What other commands know of the data from the last check; null before the first. */
export const lastCheck = nullable(closed({ checkedAt: time, documents: many, odd: many, mendable }))

export const dataCheck = {
  documents: many,
  odd: many,
  mendable,
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

export const dataMend = {
  executed: Type.Boolean(),
  mendable: Type.Integer({ minimum: 0, description: 'how many documents can be converted whole' }),
  left: Type.Integer({ minimum: 0, description: 'how many odd documents cannot' }),
  changes: Type.Array(closed({ collection, field: Type.String(), documents: many })),
  moods: closed({
    becomePublic: Type.Integer({ minimum: 0, description: 'private as long as they are odd, and public then' }),
    comeBack: Type.Integer({ minimum: 0, description: 'deleted as long as they are odd, and there again then' }),
    shown: Type.Integer({ minimum: 0, description: 'shown in lists then' }),
    history: Type.Integer({ minimum: 0, description: 'never seen by the engine: held until a backfill' }),
    pending: Type.Integer({ minimum: 0, description: 'in the queue of the engine, which takes them up at once' }),
    recordLeft: Type.Integer({
      minimum: 0,
      description: 'private or deleted, with records that are said to be published',
    }),
  }),
  mended: many,
  changedMeanwhile: Type.Integer({ minimum: 0, description: 'changed by others meanwhile, and left alone' }),
}

export const dataUnmend = {
  executed: Type.Boolean(),
  putBack: Type.Integer({ minimum: 0, description: 'as they were before, or to be put back' }),
  asBefore: Type.Integer({ minimum: 0, description: 'that were as before already' }),
  changed: Type.Integer({ minimum: 0, description: 'changed since they were mended, and left alone' }),
  gone: Type.Integer({ minimum: 0, description: 'not there any more' }),
}
