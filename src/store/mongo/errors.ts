/** Maps the driver's errors to the domain's. */

import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb'
import { DomainError } from '../../domain/errors.ts'
import { refusalText } from './forbidden.ts'
import { keyOfIndex } from './indexes.ts'

/** Not the primary, shutting down, interrupted by a change of the primary (the driver's own list of what to retry). */
const PASSING = new Set([6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 63, 150, 13388, 64, 50, 24])

/** A connection that ended, or could not be made. */
const SOCKET_CODES = new Set<unknown>([
  'EPIPE',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ENOTCONN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
])

/** What {@link takenKey} answers where the server does not say which unique index it was, as Azure Cosmos DB does not. */
export const UNNAMED_KEY = 'unnamed'

/** The index in a message, with or without the collection before it, as older servers write it. */
const INDEX_IN_MESSAGE = /\bindex: (?:\S+\.\$)?([\w@-]+)/

/**
 * Which field of a unique index was taken, besides the user; null for any other error. Servers that only speak MongoDB's
 * protocol leave out `keyPattern`: there the index is read from the message.
 */
export function takenKey(error: unknown): string | null {
  if (!(error instanceof MongoServerError) || error.code !== 11000) return null
  const [, index = ''] = INDEX_IN_MESSAGE.exec(error.message) ?? []
  const pattern = (error['keyPattern'] as Record<string, unknown> | undefined) ?? keyOfIndex(index)
  const fields = Object.keys(pattern)
  return fields.find((field) => field !== 'user') ?? fields[0] ?? UNNAMED_KEY
}

/** Whether nothing else is wrong with a bulk of writes than that some documents were there already. */
export function isOnlyTaken(error: unknown): boolean {
  return error instanceof MongoBulkWriteError && [error.writeErrors].flat().every(({ code }) => code === 11000)
}

/** Whether a path could not be set because a field on the way to it is null, as in documents of an existing database. */
export function isBlockedByNull(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 28
}

/**
 * Refusals of one write for what its document is: a path through a value that has no fields, an index key or a document that
 * is too large, a rule of the collection. Any other write may succeed.
 */
const OF_DOCUMENT = new Set<unknown>([28, 121, 10334, 11000, 17280, 17419, 17420])

/** Whether one document refuses a change, or each one that is named in the answer to a bulk of them. */
export function isOfDocument(error: unknown): boolean {
  if (!(error instanceof MongoServerError)) return false
  const refused = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : []
  return refused.length > 0 ? refused.every(({ code }) => OF_DOCUMENT.has(code)) : OF_DOCUMENT.has(error.code)
}

/** Whether the server is unavailable for a moment only. */
function isPassing(error: MongoError): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true
  if (error.name === 'MongoPoolClearedError' || error.name === 'MongoWriteConcernError') return true
  if (error.name === 'MongoNotConnectedError' || error.name === 'MongoTopologyClosedError') return true
  // Some of a bulk may be refused besides.
  if (error instanceof MongoBulkWriteError && error.result.getWriteConcernError()) return true
  if (error.hasErrorLabel('RetryableWriteError') || error.hasErrorLabel('TransientTransactionError')) return true
  return typeof error.code === 'number' && PASSING.has(error.code)
}

/** The driver puts what ended a whole bulk of writes, which may be no word of a server, into an error about bulks. */
function unwrapped(error: unknown): unknown {
  const inner: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : null
  return inner instanceof Error ? inner : error
}

/** Whether it is the operating system's word of a connection; the driver lets some of these through as they are. */
function isOfTheSocket(error: unknown): boolean {
  return error instanceof Error && 'code' in error && SOCKET_CODES.has(error.code)
}

/**
 * The same error, or `unavailable` for one that will pass, or `config` where the user has no right. Words of the driver stay
 * inside: they may name hosts.
 */
export function translated(thrown: unknown): unknown {
  const error = unwrapped(thrown)
  const refusal = refusalText(error)
  if (refusal !== null) return new DomainError('config', refusal, { cause: error })
  const willPass = error instanceof MongoError ? isPassing(error) : isOfTheSocket(error)
  if (!willPass) return error
  return new DomainError('unavailable', 'the database does not answer just now', { cause: error })
}

/** The same object, whose methods throw `unavailable` for the driver's many passing errors. */
export function guarded<T extends object>(inner: T): T {
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args)
        if (!(result instanceof Promise)) return result
        return result.catch((error: unknown) => {
          throw translated(error)
        })
      }
    },
  })
}
