/// <reference lib="esnext.disposable" preserve="true" />
/** Opening an installation, and serving its API inside another server. */

import { type App, createApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { answerFetch } from '../http/fetch.ts'
import { requireOidc } from '../http/app.ts'
import { createLog } from '../observe/log.ts'

/** An open installation, to be handed to the functions of this library. Dispose of it to close it. */
export class Installation implements AsyncDisposable {
  readonly #app: App

  private constructor(app: App) {
    this.#app = app
  }

  /** @internal */
  static of(app: App): Installation {
    return new Installation(app)
  }

  /** @internal */
  static appOf(installation: Installation): App {
    return installation.#app
  }

  /** Ends streams, answers the requests under way, and closes the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app[Symbol.asyncDispose]()
  }
}

export interface MoodsOptions {
  /**
   * The settings, named as the environment variables of `moods --help`; by default those of this process. `PDS_URL`,
   * `PDS_ADMIN_PASSWORD` and `MOODS_SEAL_KEY`, and either `MOODS_DATA` or `MONGODB_URI`, must be those of the worker.
   */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * Opens an installation: its database, and what it needs to talk to the PDS. This process neither listens nor
 * publishes.
 *
 * @throws DomainError `config` naming everything that is wrong with the settings; `data_folder` when the folder cannot be
 *   used; `unavailable` when the database does not answer
 */
export async function createMoods(options: MoodsOptions = {}): Promise<Installation> {
  // oxlint-disable-next-line node/no-process-env -- only where the caller passes none
  const config = readConfig(options.env ?? process.env, { serves: false })
  // As a guest in another program it logs errors only, unless LOG_LEVEL asks for more.
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel)
  return Installation.of(await createApp(config, 'command', { log }))
}

/**
 * The API and the page as a Fetch handler, in the form that Hono, Netlify and Deno take. Users bring the tokens of an
 * OpenID Connect provider, so `AUTH_ISSUER` and `AUTH_AUDIENCE` must be set; trial sign-in is not available here.
 * `/api/mood/stream` is streamed, for as long as the host lets a response last.
 *
 * It reads the path of the request unchanged: mount it at the root, or remove the prefix first.
 *
 * @returns a handler that rejects with `unavailable` once the installation is closed
 * @throws DomainError `config` when no provider is set
 */
export function fetchHandler(installation: Installation): (request: Request) => Promise<Response> {
  const app = Installation.appOf(installation)
  requireOidc(app.config)
  return async (request) => answerFetch(await app.http(), request)
}
