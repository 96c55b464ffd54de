/** What the routes are given. */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Accounts } from '../accounts.ts'
import type { Erasures } from '../erasures.ts'
import type { Moods } from '../moods.ts'
import type { Events } from '../observe/events.ts'
import type { Authenticator } from './auth.ts'
import type { TrialSignIn } from './trial.ts'
import type { FeedHub } from './feed-hub.ts'

export interface HttpDeps {
  readonly moods: Moods
  readonly accounts: Accounts
  readonly erasures: Erasures
  readonly auth: Authenticator
  /** Null where users sign in elsewhere. */
  readonly trial: TrialSignIn | null
  readonly hub: FeedHub
  readonly events: Events
  /** Throws while posts cannot be taken. */
  readonly ready: () => Promise<void>
  /** Whether only this machine can reach the server. */
  readonly onlyLoopback: boolean
  /** Folder of the built page; null where there is none. */
  readonly page: string | null
  /** Base URL of the PDS, for people to look at. */
  readonly pdsUrl: string
}

export type Http = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
