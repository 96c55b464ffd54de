/**
 * Every error that a caller can do something about. Anything else is a defect, and outside it is
 * only called `internal`.
 */

/** What went wrong, as a stable name that clients and scripts may depend on. */
export type ErrorCode =
  | 'bad_request'
  | 'invalid_mood'
  | 'invalid_handle'
  | 'invalid_cursor'
  | 'unauthorized'
  | 'not_found'
  | 'handle_taken'
  | 'already_signed_up'
  | 'being_erased'
  | 'unchangeable'
  | 'too_large'
  | 'unsupported_media_type'
  | 'unavailable'
  | 'config'
  | 'data_folder'
  | 'port_in_use'
  | 'usage'

/** An expected failure: a stable code, and a message in plain words that holds no mood text, token or password. */
export class DomainError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DomainError'
    this.code = code
  }
}

/** The PDS asks to wait, or what it allows is used up: the same will do later. */
export class AskedToWait extends DomainError {
  /** How long, in milliseconds. */
  readonly afterMs: number

  /** @param who is to be waited for, as in "the PDS at …" */
  constructor(who: string, afterMs: number) {
    super('unavailable', `${who} asks to wait ${Math.ceil(afterMs / 1000)} s`)
    this.afterMs = afterMs
  }
}
