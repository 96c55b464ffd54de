/** The API and the page put together, listening or not. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Accounts } from '../accounts.ts'
import { type Config, LOOPBACK_HOSTS } from '../config.ts'
import { DomainError } from '../domain/errors.ts'
import type { Erasures } from '../erasures.ts'
import type { Moods } from '../moods.ts'
import type { Events } from '../observe/events.ts'
import type { Store } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Wakeup } from '../wakeup.ts'
import { createOidc } from './oidc.ts'
import type { TrialSignIn } from './trial.ts'
import type { Http } from './deps.ts'
import { FeedHub } from './feed-hub.ts'
import { createHttp } from './server.ts'

export interface HttpParts {
  readonly config: Config
  readonly pdsUrl: string
  readonly store: Store
  readonly moods: Moods
  readonly accounts: Accounts
  readonly erasures: Erasures
  readonly events: Events
  readonly clock: Clock
  /** Raised by changes of this process. */
  readonly changes: Wakeup
  /** Null where users sign in elsewhere. */
  readonly trial: TrialSignIn | null
}

/**
 * Builds API and page; the caller listens, or hands requests to it.
 *
 * @param stack ends the streams, answers what is under way, and closes
 * @throws DomainError `config` when there is no way to sign in; `unavailable` when the stack is disposed of already
 */
export async function openHttp(parts: HttpParts, stack: AsyncDisposableStack): Promise<Http> {
  const { config, pdsUrl, store, moods, accounts, erasures, events, clock, changes, trial } = parts
  if (stack.disposed) throw new DomainError('unavailable', 'this installation is closed')
  const auth = trial ?? requireOidc(config)
  const onError = (error: unknown): void => events.defect('stream', error)
  const hub = new FeedHub({ store: store.moods, moods, clock, changes, onError })
  const ready = readiness(store, config.remote === null ? pdsUrl : null)
  const onlyLoopback = LOOPBACK_HOSTS.has(config.host)
  const page = findPage()
  const http = await createHttp({
    moods,
    accounts,
    erasures,
    auth,
    trial,
    hub,
    events,
    ready,
    page,
    pdsUrl,
    onlyLoopback,
  })
  stack.defer(() => closeHttp(http))
  stack.defer(() => hub.close())
  return http
}

/** @throws DomainError `config` when no provider is configured */
export function requireOidc({ auth }: Config) {
  if (auth.kind === 'oidc') return createOidc(auth.issuer, auth.audience)
  const message =
    'AUTH_ISSUER and AUTH_AUDIENCE must be set: users of this API bring tokens of an OpenID Connect provider'
  throw new DomainError('config', message)
}

/** The built page: in a clone it is beside the sources, in a package beside what was made of them. Null when not built. */
function findPage(): string | null {
  const root = join(import.meta.dirname, '..', '..')
  const folders = [join(root, 'dist', 'web'), join(root, 'web')]
  return folders.find((folder) => existsSync(join(folder, 'index.html'))) ?? null
}

/** How long requests under way may take to be answered when the server stops. */
const GRACE_MS = 2_000

/** Stops listening, and cuts off whoever has not been answered in time. */
async function closeHttp(http: Http): Promise<void> {
  const cutOff = setTimeout(() => http.server.closeAllConnections(), GRACE_MS)
  await http.close()
  clearTimeout(cutOff)
}

/** Posts are taken when the store answers; an embedded PDS must answer too. */
function readiness(store: Store, embeddedPds: string | null): () => Promise<void> {
  return async () => {
    await store.check()
    if (embeddedPds === null) return
    const response = await fetch(`${embeddedPds}/xrpc/_health`, { signal: AbortSignal.timeout(2_000) })
    if (!response.ok) throw new DomainError('unavailable', 'the embedded PDS does not answer')
  }
}
