/** Being forgotten. */

import { Type } from '@fastify/type-provider-typebox'
import { userOf } from '../auth.ts'
import { SECURED } from '../schemas.ts'
import type { Http, HttpDeps } from '../deps.ts'
import { erasureView } from '../view.ts'

const ErasureSchema = Type.Object({
  receipt: Type.String({ description: 'unguessable; whoever has it may watch' }),
  state: Type.Union([Type.Literal('running'), Type.Literal('done')]),
  requestedAt: Type.String({ format: 'date-time' }),
  steps: Type.Array(
    Type.Object({
      name: Type.String(),
      state: Type.String({ description: 'waiting, done or not_needed' }),
      at: Type.Optional(Type.String({ format: 'date-time' })),
    }),
  ),
})

export function erasureRoutes(http: Http, { erasures, auth }: HttpDeps): void {
  http.post(
    '/api/delete-erase-and-forget-me',
    {
      schema: {
        summary: 'Forget whoever asks: texts at once, records and account as the PDS allows',
        body: Type.Optional(Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()])),
        response: { 202: ErasureSchema },
        ...SECURED,
      },
    },
    async (request, reply) => {
      const erasure = await erasures.request(await userOf(request, auth))
      return reply.status(202).send(erasureView(erasure))
    },
  )

  http.get(
    '/api/erasures/:receipt',
    {
      schema: {
        summary: 'How far an erasure has come; nobody is named',
        params: Type.Object({ receipt: Type.String() }),
        response: { 200: ErasureSchema },
      },
    },
    async (request) => erasureView(await erasures.byReceipt(request.params.receipt)),
  )
}
