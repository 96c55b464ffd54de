/** What relays show, in the documents of several commands, and what `moods relays crawl` prints. */

import { Type } from 'typebox'
import { STANDINGS } from '../../domain/sighting.ts'
import { oneOf } from '../../http/contract.ts'
import { closed, nullable, someOf, time } from './shape.ts'

export const relay = Type.String({ description: 'base URL of the relay' })

/** How many accounts stand how. */
export const standings = someOf(STANDINGS, { description: 'how many accounts stand how with the relay' })

const rev = nullable(Type.String({ description: 'a revision of the repository' }))

/** What one relay said of one account. */
export const sighting = closed({
  relay,
  at: time,
  standing: oneOf(STANDINGS),
  text: Type.String({ description: 'words that can follow "what is published"' }),
  remedy: nullable(Type.String({ description: 'what can be done about it' })),
  rev,
  pdsRev: rev,
  behindMs: nullable(Type.Integer({ minimum: 0, description: 'how much older the newest commit of the relay is' })),
})

export const relaysCrawl = {
  executed: Type.Boolean(),
  pds: Type.String(),
  relays: Type.Array(
    closed({
      relay,
      knows: nullable(Type.Boolean({ description: 'whether it knew the PDS before; null where it does not tell' })),
      status: nullable(Type.String({ description: 'its own word for how the PDS stands with it' })),
      asked: nullable(Type.Boolean({ description: 'whether it has taken the request; null in a dry run' })),
      why: nullable(Type.String({ description: 'why it has not' })),
    }),
  ),
}
