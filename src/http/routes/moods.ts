/** Looking at moods. */

import { Type } from '@fastify/type-provider-typebox'
import { viewerOf } from '../auth.ts'
import { ById, MoodSchema } from '../schemas.ts'
import type { Http, HttpDeps } from '../deps.ts'
import { decodeCursor, encodeCursor, moodView } from '../view.ts'

const List = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$', description: '1 to 100, 50 if not said' })),
    cursor: Type.Optional(Type.String({ maxLength: 100 })),
    for: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: 'handles, as in @a,@b' })),
  },
  { additionalProperties: false },
)

const NoQuery = Type.Object({}, { additionalProperties: false })

export function moodRoutes(http: Http, { moods, auth }: HttpDeps): void {
  http.get(
    '/api/mood/all',
    {
      schema: {
        summary: 'Moods, newest first; private ones only with `for` and the own token',
        querystring: List,
        response: {
          200: Type.Object({ moods: Type.Array(MoodSchema), cursor: Type.Optional(Type.String()) }),
        },
      },
    },
    async (request) => {
      const { limit, cursor, for: handles } = request.query
      const page = await moods.feed(
        handles?.split(',') ?? null,
        await viewerOf(request, auth),
        Number(limit ?? 50),
        cursor === undefined ? null : decodeCursor(cursor),
      )
      return {
        moods: page.entries.map(moodView),
        ...(page.next ? { cursor: encodeCursor(page.next) } : {}),
      }
    },
  )

  http.get(
    '/api/mood/:id',
    {
      schema: {
        summary: 'One mood by its id, or the latest of a user by @handle',
        params: ById,
        querystring: NoQuery,
        response: { 200: MoodSchema },
      },
    },
    async (request) => {
      const { id } = request.params
      const viewer = await viewerOf(request, auth)
      return moodView(id.startsWith('@') ? await moods.latestOf(id, viewer) : await moods.byId(id, viewer))
    },
  )

  http.get(
    '/api/mood/:id/record',
    {
      schema: {
        summary: 'The record of a mood, read back from the PDS',
        params: ById,
        querystring: NoQuery,
        response: { 200: Type.Object({ uri: Type.String(), cid: Type.String(), value: Type.Unknown() }) },
      },
    },
    async (request) => moods.record(request.params.id, await viewerOf(request, auth)),
  )
}
