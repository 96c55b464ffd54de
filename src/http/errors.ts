/** Errors as HTTP answers: `{error: code, message}`. */

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError, type ErrorCode } from '../domain/errors.ts'
import type { Events } from '../observe/events.ts'

/** Status of each code. Codes of the command line, which no request causes, are defects here: 500. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  invalid_mood: 400,
  invalid_handle: 400,
  invalid_cursor: 400,
  unauthorized: 401,
  not_found: 404,
  handle_taken: 409,
  already_signed_up: 409,
  being_erased: 409,
  unchangeable: 409,
  too_large: 413,
  unsupported_media_type: 415,
  unavailable: 503,
  config: 500,
  data_folder: 500,
  port_in_use: 500,
  usage: 500,
}

/** Codes for Fastify's own refusals, by status; all others are `bad_request`. */
const OF_FASTIFY: Readonly<Record<number, ErrorCode>> = {
  413: 'too_large',
  415: 'unsupported_media_type',
}

/** Answers a failed request. An unexpected error is logged, and answered as `internal` without its message. */
export function errorHandler(events: Events) {
  return (error: FastifyError | DomainError, _request: FastifyRequest, reply: FastifyReply): void => {
    if (error instanceof DomainError) {
      const status = STATUS[error.code]
      if (status === 401) void reply.header('www-authenticate', 'Bearer')
      if (status === 503) void reply.header('retry-after', '5')
      if (status < 500 || error.code === 'unavailable') {
        void reply.status(status).send({ error: error.code, message: error.message })
        return
      }
    } else if (error.statusCode !== undefined && error.statusCode < 500) {
      const code = OF_FASTIFY[error.statusCode] ?? 'bad_request'
      void reply.status(error.statusCode).send({ error: code, message: describe(error) })
      return
    }
    events.defect('http', error)
    void reply.status(500).send({ error: 'internal', message: 'something went wrong' })
  }
}

export function notFound(_request: FastifyRequest, reply: FastifyReply): void {
  void reply.status(404).send({ error: 'not_found', message: 'there is nothing here' })
}

/** The first violation of the schema, naming the field and never its value. */
function describe(error: FastifyError): string {
  const [first] = error.validation ?? []
  if (!first) return error.message
  const extra: unknown = first.params['additionalProperty']
  if (typeof extra === 'string') return `${error.validationContext} has an unknown field`
  const path = first.instancePath.slice(1).replaceAll('/', '.')
  return `${[error.validationContext, path].filter(Boolean).join(' ')} ${first.message ?? 'is not valid'}`
}
