/** What routes read from a request besides its schema. */

import type { FastifyRequest } from 'fastify'
import { DomainError } from '../domain/errors.ts'
import type { Authenticator } from './auth.ts'

const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i

/**
 * `sub` of whoever asks, null for a stranger.
 *
 * @throws DomainError `unauthorized` for credentials that are there but no good
 */
export async function viewerOf(request: FastifyRequest, auth: Authenticator): Promise<string | null> {
  const header = request.headers.authorization
  if (header === undefined) return null
  const token = BEARER.exec(header)?.[1]
  if (token === undefined) throw new DomainError('unauthorized', 'send "Authorization: Bearer" and a token')
  return auth.verify(token)
}

/** `sub` of the user. @throws DomainError `unauthorized` for strangers */
export async function userOf(request: FastifyRequest, auth: Authenticator): Promise<string> {
  const viewer = await viewerOf(request, auth)
  if (viewer === null) throw new DomainError('unauthorized', 'sign in first')
  return viewer
}
