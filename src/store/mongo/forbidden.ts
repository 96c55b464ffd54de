/** Errors of a user who lacks a right, or whom the server does not know. */

import { MongoServerError } from 'mongodb'

/** The user has no right to do that, or has not said who it is. */
const UNAUTHORIZED = 13
const NO_LOGIN = 18
/** What Atlas answers of its own, where it stands before the server: for these two, and for much else. */
const OF_ATLAS = 8000
const DUPLICATE_KEY = 11000

/** How servers begin that only speak MongoDB's protocol, whatever code they add. */
const SAID_FORBIDDEN =
  /^(?:\(?Unauthorized\)?\b|Authorization failure|not authorized\b|user is not allowed to do action\b)/i
const SAID_UNKNOWN = /requires authentication|not authenticated/i

/** Whether the server does not know who is asking. */
function isUnknownUser({ code, message }: MongoServerError): boolean {
  if (code === NO_LOGIN || (code === OF_ATLAS && /bad auth|authentication failed/i.test(message))) return true
  return code === UNAUTHORIZED && SAID_UNKNOWN.test(message)
}

/** Whether the user of `MONGODB_URI` lacks the right to what was asked. */
export function isForbidden(error: unknown): boolean {
  // Such a message may go on with what a document holds.
  if (!(error instanceof MongoServerError) || error.code === DUPLICATE_KEY || isUnknownUser(error)) return false
  return error.code === UNAUTHORIZED || SAID_FORBIDDEN.test(error.message)
}

const ASKED_FOR = [
  / to execute command \{ (\w+): "([^"]{1,120})"/,
  / to do action \[(\w+)\] on \[[^.\]]+\.([^\]]{1,120})\]/,
]

/** The one line that is said of such an error; null for any other. The server's own words may hold a whole document. */
export function refusalText(error: unknown): string | null {
  if (error instanceof MongoServerError && isUnknownUser(error))
    return 'MongoDB does not take the user and password of MONGODB_URI'
  if (!isForbidden(error)) return null
  const { message } = error as Error
  const [, action, collection] = ASKED_FOR.map((pattern) => pattern.exec(message)).find((match) => match) ?? []
  const right = action === undefined ? 'a right that this needs' : `the right to ${action} in ${collection}`
  return `the user of MONGODB_URI lacks ${right}: docs/guides/mongodb-users.md says what to grant`
}
