/** The HTTP server: API, page and health, on one port. */

import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import type { Http, HttpDeps } from './deps.ts'
import { errorHandler, notFound } from './errors.ts'
import { accountRoutes } from './routes/accounts.ts'
import { authorRoutes } from './routes/author.ts'
import { erasureRoutes } from './routes/erasures.ts'
import { healthRoutes } from './routes/health.ts'
import { moodRoutes } from './routes/moods.ts'
import { streamRoute } from './routes/stream.ts'

/** Requests larger than this many bytes are refused. */
const BODY_LIMIT = 16 * 1024

/** Builds the server; the caller listens and closes. */
export async function createHttp(deps: HttpDeps): Promise<Http> {
  const http: Http = Fastify({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 64 },
    // Nothing is guessed: a number in quotes is not a number, and an unknown field is an error.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  }).withTypeProvider<TypeBoxTypeProvider>()

  http.setErrorHandler(errorHandler(deps.events))
  http.setNotFoundHandler(notFound)
  // Form and text bodies are refused, not guessed at.
  http.removeContentTypeParser('text/plain')

  await http.register(helmet, {
    // The page is served over plain HTTP where people try it out.
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        upgradeInsecureRequests: null,
      },
    },
  })
  await http.register(swagger, {
    openapi: {
      info: { title: 'Moods', version: '1', description: 'Post moods, and have them in your own ATProto repository.' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
  })
  await http.register(async (api) => {
    moodRoutes(api, deps)
    authorRoutes(api, deps)
    streamRoute(api, deps)
    accountRoutes(api, deps)
    erasureRoutes(api, deps)
    healthRoutes(api, deps)
  })
  http.get('/api/openapi.json', { schema: { hide: true } }, () => http.swagger())
  if (deps.page) {
    await http.register(fastifyStatic, { root: deps.page, immutable: true, maxAge: '1y', index: false })
    http.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.sendFile('index.html', { maxAge: 0, immutable: false }),
    )
  }
  return http
}
