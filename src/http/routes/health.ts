/** For load balancers and people at 3 a.m. */

import { Type } from '@fastify/type-provider-typebox'
import { DomainError } from '../../domain/errors.ts'
import type { Http, HttpDeps } from '../deps.ts'

const Ok = Type.Object({ status: Type.String() })

export function healthRoutes(http: Http, { ready }: HttpDeps): void {
  http.get('/healthz', { schema: { summary: 'The process runs', response: { 200: Ok } } }, async () => ({
    status: 'ok',
  }))

  http.get('/readyz', { schema: { summary: 'Posts are taken', response: { 200: Ok } } }, async () => {
    try {
      await ready()
    } catch (error) {
      throw new DomainError('unavailable', 'not ready', { cause: error })
    }
    return { status: 'ready' }
  })
}
