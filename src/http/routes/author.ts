/** What authors do: post, change, delete. */

import { Type } from '@fastify/type-provider-typebox'
import { DomainError } from '../../domain/errors.ts'
import { userOf } from '../auth.ts'
import { ById, MoodSchema, SECURED } from '../schemas.ts'
import type { Http, HttpDeps } from '../deps.ts'
import { moodView } from '../view.ts'

const Records = Type.Union([Type.Literal('withdraw'), Type.Literal('keep')], {
  description: 'whether records go as well, or stay as they are',
})

const Draft = Type.Object(
  {
    mood: Type.Optional(Type.String({ description: '1 to 280 characters' })),
    intensity: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
    context: Type.Optional(Type.String({ description: 'up to 1000 characters' })),
    isPrivate: Type.Optional(Type.Boolean()),
    nuke: Type.Optional(Type.Boolean({ description: 'instead of a mood: take all moods back, or give them back' })),
    records: Type.Optional(Records),
  },
  { additionalProperties: false },
)

const Patch = Type.Object(
  {
    isPrivate: Type.Optional(Type.Boolean()),
    intensity: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: 10 }), Type.Null()])),
    context: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  { additionalProperties: false, minProperties: 1 },
)

const Changed = Type.Object({
  nuked: Type.Optional(Type.Integer({ description: 'moods taken back' })),
  restored: Type.Optional(Type.Integer({ description: 'moods given back' })),
})

export function authorRoutes(http: Http, { moods, auth }: HttpDeps): void {
  http.post(
    '/api/mood',
    {
      schema: {
        summary: 'Post a mood; or, with `nuke`, take all moods back (true) or give them back (false)',
        body: Draft,
        response: { 200: Type.Union([MoodSchema, Changed]) },
        ...SECURED,
      },
    },
    async (request) => {
      const user = await userOf(request, auth)
      const { mood, nuke, records, ...rest } = request.body
      if (nuke === undefined) {
        if (mood === undefined) throw new DomainError('bad_request', 'body must have a mood')
        if (records !== undefined) throw new DomainError('bad_request', 'records goes with nuke')
        return moodView(await moods.post(user, { mood, ...rest }))
      }
      if (mood !== undefined || Object.keys(rest).length > 0) {
        throw new DomainError('bad_request', 'nuke goes with records alone')
      }
      const count = await moods.nuke(user, nuke ? 'nuke' : 'restore', records)
      return nuke ? { nuked: count } : { restored: count }
    },
  )

  http.patch(
    '/api/mood/:id',
    {
      schema: {
        summary: 'Change privacy, intensity or context of an own mood',
        params: ById,
        body: Patch,
        response: { 200: MoodSchema },
        ...SECURED,
      },
    },
    async (request) => moodView(await moods.edit(await userOf(request, auth), request.params.id, request.body)),
  )

  http.delete(
    '/api/mood/:id',
    {
      schema: {
        summary: 'Delete an own mood, and its record unless that is to be kept',
        params: ById,
        querystring: Type.Object({ records: Type.Optional(Records) }, { additionalProperties: false }),
        response: { 200: MoodSchema },
        ...SECURED,
      },
    },
    async (request) => {
      const user = await userOf(request, auth)
      return moodView(await moods.delete(user, request.params.id, request.query.records ?? 'withdraw'))
    },
  )
}
