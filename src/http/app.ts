/** API, page and health on one port: the Fastify server, listening or not. */

import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyReply } from 'fastify'
import { type Config, LOOPBACK_HOSTS } from '../config.ts'
import { DomainError } from '../domain/errors.ts'
import { ID_CHARACTERS } from '../domain/mood-limits.ts'
import type { Authenticator } from './auth.ts'
import type { Http, HttpDeps } from './deps.ts'
import { errorHandler, notFound } from './errors.ts'
import { FeedHub } from './feed-hub.ts'
import { acceptOnlyJson, rejectConnection, rejectForeignHosts } from './guards.ts'
import { createOidc } from './oidc.ts'
import { servePage } from './web-page.ts'
import { accountRoutes } from './routes/accounts.ts'
import { erasureRoutes } from './routes/erasures.ts'
import { healthRoutes } from './routes/health.ts'
import { moodRoutes } from './routes/moods.ts'
import { signInRoutes } from './routes/sign-in.ts'
import { streamRoute } from './routes/stream.ts'

/** Requests with a larger body, in bytes, are refused. */
const BODY_LIMIT = 16 * 1024

/** How long requests under way may take to be answered when the server stops. */
const GRACE_MS = 2_000

/**
 * Builds API and page; the caller listens, or hands requests to it.
 *
 * @param stack closes it: ends the streams, then answers what is under way
 * @throws DomainError `config` when there is no way to sign in; `unavailable` when the stack is already disposed
 */
export async function createHttp(deps: HttpDeps, stack: AsyncDisposableStack): Promise<Http> {
  if (stack.disposed) throw new DomainError('unavailable', 'this installation is closed')
  const { config, moods, accounts, erasures, store, clock, events, changes, trial, pdsUrl, health } = deps
  const auth = trial ?? requireOidc(config, deps.tokenTime)
  const onError = (error: unknown): void => events.defect('stream', error)
  const hub = new FeedHub({ store: store.moods, moods, clock, changes, onError })

  const http = createFastify()
  stack.defer(() => close(http))
  stack.defer(() => hub.close())
  http.setErrorHandler(errorHandler(events))
  http.setNotFoundHandler(notFound)
  acceptOnlyJson(http)
  if (trial && LOOPBACK_HOSTS.has(config.host)) rejectForeignHosts(http)

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
    moodRoutes(api, moods, auth)
    streamRoute(api, hub, auth)
    signInRoutes(api, accounts, trial, pdsUrl)
    accountRoutes(api, accounts, auth)
    erasureRoutes(api, erasures, auth)
    healthRoutes(api, { clock, store, health, embeddedPds: config.remote === null ? pdsUrl : null })
  })
  http.get('/api/openapi.json', { schema: { hide: true } }, () => http.swagger())
  await servePage(http)
  return http
}

/**
 * Accepts the tokens of the configured OpenID Connect provider.
 *
 * @param now the time by which tokens are valid, in ms since 1970
 * @throws DomainError `config` when no provider is configured
 */
export function requireOidc({ auth }: Pick<Config, 'auth'>, now?: () => number): Authenticator {
  if (auth.kind === 'oidc') return createOidc(auth.issuer, auth.audience, now && { now })
  const message =
    'AUTH_ISSUER and AUTH_AUDIENCE must be set: users of this API bring tokens of an OpenID Connect provider'
  throw new DomainError('config', message)
}

function createFastify(): Http {
  return Fastify({
    bodyLimit: BODY_LIMIT,
    // Requests that are under way are answered; streams end with the hub.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: ID_CHARACTERS },
    // Nothing is guessed: a number in quotes is not a number, and an unknown field is an error.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      void reply.status(400).send({ error: 'bad_request', message: 'the address is not a valid one' })
    },
    clientErrorHandler: rejectConnection,
  }).withTypeProvider<TypeBoxTypeProvider>()
}

/** Stops listening, and cuts off requests that are not answered within {@link GRACE_MS}. */
async function close(http: Http): Promise<void> {
  const cutOff = setTimeout(() => http.server.closeAllConnections(), GRACE_MS)
  await http.close()
  clearTimeout(cutOff)
}
