/** `/api/delete-erase-and-forget-me`, `/api/erasures`: being forgotten, and how far that has come. */

import type { Erasures } from '../../erasures.ts'
import { type Authenticator, userOf } from '../auth.ts'
import { ByReceipt, EmptyBody, ErasureView, SECURED } from '../contract.ts'
import type { Http } from '../deps.ts'
import { erasureView } from '../view.ts'

export function erasureRoutes(http: Http, erasures: Erasures, auth: Authenticator): void {
  http.post(
    '/api/delete-erase-and-forget-me',
    {
      schema: {
        summary: 'Forget the user who asks: texts at once, records and account as the PDS allows',
        body: EmptyBody,
        response: { 202: ErasureView },
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
        summary: 'How far an erasure has come; no user is named',
        params: ByReceipt,
        response: { 200: ErasureView },
      },
    },
    async (request) => erasureView(await erasures.byReceipt(request.params.receipt)),
  )
}
