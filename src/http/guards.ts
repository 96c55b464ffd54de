/** What is refused before a route sees it. */

import type { ConnectionError } from 'fastify'
import type { Socket } from 'node:net'
import { DomainError } from '../domain/errors.ts'
import type { Http } from './deps.ts'

/** Accepts only bodies that are JSON in valid UTF-8. Nothing is guessed or repaired. */
export function acceptOnlyJson(http: Http): void {
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

/** With trial sign-in on loopback, rejects foreign Host headers (DNS rebinding). */
export function rejectForeignHosts(http: Http): void {
  http.addHook('onRequest', (request, _reply, done) => {
    if (LOOPBACK_HOST.test(request.headers.host ?? '')) done()
    else done(new DomainError('bad_request', 'this server answers to localhost alone'))
  })
}

/** Answers, and ends, a connection that does not carry HTTP, or carries headers that are too long. */
export function rejectConnection(error: ConnectionError, socket: Socket): void {
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
