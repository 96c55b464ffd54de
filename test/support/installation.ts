/** A whole installation in a temporary folder: real PDS, real PLC directory, real store, free ports. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type App, createApp, type Overrides, type Role } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { chosenStore } from './stores.ts'

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'moods-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Environment of an installation that takes any free ports. */
export function environment(folder: string, more: Record<string, string> = {}): Record<string, string> {
  const ports = { PORT: '0', PDS_PORT: '0', PLC_PORT: '0' }
  // Its requests come when they may: tests that are about them turn it on.
  const quiet = { LOG_LEVEL: 'silent', PROVE_EVERY: 'off' }
  return { MOODS_DATA: folder, ...ports, ...quiet, ...chosenStore().settings(folder), ...more }
}

export function startApp(
  folder: string,
  options: { readonly role?: Role; readonly env?: Record<string, string>; readonly overrides?: Overrides } = {},
): Promise<App> {
  const config = readConfig(environment(folder, options.env), { serves: options.role !== 'worker' })
  return createApp(config, options.role ?? 'all', { log: pino({ level: 'silent' }), ...options.overrides })
}

/** A user of the HTTP API. */
export class Visitor {
  readonly address: string
  readonly token: string | null

  constructor(address: string | null, token: string | null = null) {
    if (address === null) throw new Error('this installation serves no API')
    this.address = address
    this.token = token
  }

  /** Signs in, and signs up unless told not to. */
  async as(handle: string, options: { readonly signUp?: boolean } = {}): Promise<Visitor> {
    const { body } = await this.send<{ token: string }>('/api/sign-in', { handle })
    const user = new Visitor(this.address, body.token)
    if (options.signUp !== false) await user.send('/api/signup', { handle })
    return user
  }

  /** GET, or POST when there is a body. */
  send<T = Record<string, unknown>>(path: string, body?: unknown, headers: Record<string, string> = {}) {
    return this.request<T>(body === undefined ? 'GET' : 'POST', path, body, headers)
  }

  async request<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: T; headers: Headers }> {
    const response = await fetch(`${this.address}${path}`, {
      method,
      headers: {
        ...(this.token === null ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as T, headers: response.headers }
  }

  async post(mood: string, more: Record<string, unknown> = {}): Promise<PostedMood> {
    const { status, body } = await this.send<PostedMood>('/api/mood', { mood, ...more })
    if (status !== 200) throw new Error(`posting answered ${status}: ${JSON.stringify(body)}`)
    return body
  }

  async mood(id: string): Promise<PostedMood> {
    return (await this.send<PostedMood>(`/api/mood/${id}`)).body
  }
}

export interface PostedMood {
  readonly id: string
  readonly mood: string
  readonly when: string
  readonly handle: string | null
  readonly isPrivate: boolean
  readonly atproto: { readonly synced: boolean; readonly state: string; readonly uri?: string; readonly cid?: string }
}
