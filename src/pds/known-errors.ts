/**
 * Whose fault an error is: the names that a PDS gives its errors, with the statuses that they come with. Anything else speaks of
 * the host, since between us and a PDS there may be others who answer. So nothing is here that a gateway would say by itself
 * (`Unauthorized`, `Forbidden`, `NotFound`), and no name counts with a status of another kind.
 * `docs/architecture.md` has the same table; a test compares the two.
 */

/**
 * - `request`: it will be refused again;
 * - `record`: the repo holds something else than was thought, so it has to be read;
 * - `account`: it is refused, whatever is asked;
 * - `token`: another one may be taken;
 * - `method`: this PDS does not have it, or has failed at it: nothing is known of what was asked.
 */
export type About = 'request' | 'record' | 'account' | 'token' | 'method'

interface Known {
  readonly about: About
  readonly statuses: readonly number[]
}

const of =
  (about: About) =>
  (...statuses: readonly number[]): Known => ({ about, statuses })
const [request, record, account, token, method] = [
  of('request'),
  of('record'),
  of('account'),
  of('token'),
  of('method'),
]

/** Of the official lexicons, the reference PDS, and other PDSes. */
export const KNOWN_ERRORS: Readonly<Record<string, Known>> = {
  InvalidRequest: request(400),
  InvalidRecord: request(400),
  RecordNotFound: request(400, 404),
  BlockNotFound: request(400, 404),
  HandleNotFound: request(400, 404),
  HostNotFound: request(400, 404),
  HostBanned: request(400),
  PayloadTooLarge: request(413),
  PayloadTooLargeError: request(413),
  HandleNotAvailable: request(400),
  InvalidHandle: request(400),
  InvalidEmail: request(400),
  InvalidPassword: request(400),
  InvalidInviteCode: request(400),
  UnsupportedDomain: request(400),
  UnresolvableDid: request(400),
  IncompatibleDidDoc: request(400),
  InvalidSwap: record(400, 409),
  RecordAlreadyExists: record(400, 409),
  RepoNotFound: account(400, 404),
  RepoDeactivated: account(400, 403),
  RepoSuspended: account(400, 403),
  RepoTakendown: account(400, 403),
  AccountNotFound: account(400, 401, 403, 404),
  AccountDeactivated: account(400, 401, 403),
  AccountSuspended: account(400, 401, 403),
  AccountTakedown: account(400, 401, 403),
  AuthFactorTokenRequired: account(401),
  AuthMissing: token(401),
  AuthenticationRequired: token(401),
  ExpiredToken: token(400, 401),
  InvalidToken: token(400, 401),
  XRPCNotSupported: method(404),
  MethodNotImplemented: method(501),
  InternalServerError: method(500),
}

/** Of whom or what an error speaks; null where that is the host. */
export function aboutOf(name: string, status: number): About | null {
  const known = Object.hasOwn(KNOWN_ERRORS, name) ? KNOWN_ERRORS[name]! : null
  return known?.statuses.includes(status) ? known.about : null
}

/** Whether another token may help. @param code of a refusal */
export function isOfToken(code: string): boolean {
  return Object.hasOwn(KNOWN_ERRORS, code) && KNOWN_ERRORS[code]!.about === 'token'
}
