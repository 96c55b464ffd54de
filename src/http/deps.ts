/** What the API needs of the rest of the program. */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Accounts } from '../accounts.ts'
import type { Config } from '../config.ts'
import type { Erasures } from '../erasures.ts'
import type { Notice } from '../domain/notice.ts'
import type { Moods } from '../moods.ts'
import type { Events } from '../observe/events.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import type { Wakeup } from '../wakeup.ts'
import type { TrialSignIn } from './trial.ts'

export interface HttpDeps {
  readonly config: Pick<Config, 'auth' | 'host' | 'remote'>
  readonly moods: Moods
  readonly accounts: Accounts
  readonly erasures: Erasures
  readonly store: Pick<Store, 'moods' | 'check'>
  readonly clock: Clock
  /** The time by which users' tokens are valid, in ms since 1970. */
  readonly tokenTime: () => number
  readonly events: Events
  /** Raised when moods change in this process. */
  readonly changes: Wakeup
  /** Null where users sign in elsewhere. */
  readonly trial: TrialSignIn | null
  /** What operators should know now. */
  readonly health: () => Promise<readonly Notice[]>
  /** Base URL of the PDS, for people to look at. */
  readonly pdsUrl: string
}

/** The Fastify instance that routes are added to. */
export type Http = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
