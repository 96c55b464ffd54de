/** The HTTP server: API, page and health, on one port. */

import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type ConnectionError, type FastifyReply } from 'fastify'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { DomainError } from '../domain/errors.ts'
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
    // Requests that are under way are answered; streams end with the hub.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 64 },
    // Nothing is guessed: a number in quotes is not a number, and an unknown field is an error.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      void reply.status(400).send({ error: 'bad_request', message: 'the address is not a valid one' })
    },
    clientErrorHandler: refuseConnection,
  }).withTypeProvider<TypeBoxTypeProvider>()

  http.setErrorHandler(errorHandler(deps.events))
  http.setNotFoundHandler(notFound)
  takeOnlyJson(http)
  if (deps.trial && deps.onlyLoopback) refuseOtherHosts(http)

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
    // Their names hold a hash of what they are, so they never change.
    const assets = join(deps.page, 'assets')
    await http.register(fastifyStatic, {
      root: assets,
      prefix: '/assets/',
      immutable: true,
      maxAge: '1y',
      index: false,
    })
    const { page } = deps
    http.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.sendFile('index.html', page, { maxAge: 0, immutable: false }),
    )
  } else {
    http.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.status(404).type('text/plain').send('The page is not built: run "npm run build" and start again.\n'),
    )
  }
  return http
}

/** Bodies are JSON in UTF-8: what is anything else is refused, and not guessed at or mended. */
function takeOnlyJson(http: Http): void {
  const parse = http.getDefaultJsonParser('error', 'error')
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const charset = /charset="?([\w-]+)/i.exec(request.headers['content-type'] ?? '')?.[1] ?? 'utf-8'
    if (!/^utf-?8$/i.test(charset)) throw new DomainError('unsupported_media_type', 'send JSON in UTF-8')
    let text: string
    try {
      text = utf8.decode(body as Buffer)
    } catch {
      throw new DomainError('bad_request', 'body is not valid UTF-8')
    }
    void parse(request, text, done)
  })
}

const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i

/** Where anybody may sign in, a page of somebody else's must not be able to, by a name that it has lead to this machine. */
function refuseOtherHosts(http: Http): void {
  http.addHook('onRequest', (request, _reply, done) => {
    if (LOOPBACK_HOST.test(request.headers.host ?? '')) done()
    else done(new DomainError('bad_request', 'this server answers to localhost alone'))
  })
}

/** What is not HTTP, or too much of it. */
function refuseConnection(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW'
  const body = JSON.stringify({
    error: tooLarge ? 'too_large' : 'bad_request',
    message: tooLarge ? 'the address or the headers are too long' : 'the request cannot be read',
  })
  const status = tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`)
}
