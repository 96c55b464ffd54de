/** The HTTP server: API, page and health, on one port. */

import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import swagger from '@fastify/swagger'
import { type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Accounts } from '../accounts.ts'
import type { Moods } from '../moods.ts'
import type { Events } from '../observe/events.ts'
import type { Authenticator, TrialSignIn } from './auth.ts'
import { errorHandler, notFound } from './errors.ts'
import type { FeedHub } from './feed-hub.ts'
import { accountRoutes } from './routes/accounts.ts'
import { healthRoutes } from './routes/health.ts'
import { moodRoutes } from './routes/moods.ts'
import { streamRoute } from './routes/stream.ts'

export interface HttpDeps {
  readonly moods: Moods
  readonly accounts: Accounts
  readonly auth: Authenticator
  /** Null where users sign in elsewhere. */
  readonly trial: TrialSignIn | null
  readonly hub: FeedHub
  readonly events: Events
  /** Throws while posts cannot be taken. */
  readonly ready: () => Promise<void>
  /** Folder of the built page; null where there is none. */
  readonly page: string | null
  /** Base URL of the PDS, for people to look at. */
  readonly pdsUrl: string
}

export type Http = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

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
    streamRoute(api, deps)
    accountRoutes(api, deps)
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
