/**
 * Access tokens of all accounts: kept in memory, sealed in the store, renewed once however many ask. A restart, or a
 * second process, uses the tokens that are there. Only a refusal by the PDS leads to a login, never a network error.
 */

import { buildAgent, xrpc } from '@atproto/lex'
import { decodeJwt } from 'jose'
import type { ReadyAccount } from '../domain/account.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { AccountStore, Clock } from '../ports.ts'
import { createSession, refreshSession } from './methods.ts'
import { outcomeOf } from './outcome.ts'
import type { Sealer } from './sealer.ts'

interface Tokens {
  readonly accessJwt: string
  readonly refreshJwt: string
}

/** A token that ends this soon is renewed before it is used. */
const MARGIN_MS = 60_000
const MAX_CACHED = 10_000

export class Sessions {
  readonly #accounts: AccountStore
  readonly #sealer: Sealer
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #cached = new Map<string, Tokens>()
  readonly #renewing = new Map<string, Promise<Outcome<string>>>()

  constructor(accounts: AccountStore, sealer: Sealer, clock: Clock, timeoutMs: number) {
    this.#accounts = accounts
    this.#sealer = sealer
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** Tokens as they are stored with an account. */
  static seal(tokens: Tokens, sealer: Sealer): Promise<string> {
    return sealer.seal(JSON.stringify({ accessJwt: tokens.accessJwt, refreshJwt: tokens.refreshJwt }))
  }

  /**
   * A valid access token.
   *
   * @param refused a token that the PDS has just refused; it is not given again
   */
  async token(account: ReadyAccount, refused?: string): Promise<Outcome<string>> {
    const cached = this.#cached.get(account.user)
    if (cached && cached.accessJwt !== refused && this.#isFresh(cached)) return ok(cached.accessJwt)
    const running = this.#renewing.get(account.user)
    if (running) return running
    const renewal = this.#renew(account, refused).finally(() => this.#renewing.delete(account.user))
    this.#renewing.set(account.user, renewal)
    return renewal
  }

  /** Asks the PDS for tokens by password. */
  async login(pds: string, identifier: string, sealedPassword: string): Promise<Outcome<Tokens & { did: string }>> {
    const password = await this.#sealer.open(sealedPassword)
    return outcomeOf(
      async () => (await xrpc(pds, createSession, { body: { identifier, password }, signal: this.#timeout() })).body,
      () => this.#clock.now(),
    )
  }

  async #renew(account: ReadyAccount, refused: string | undefined): Promise<Outcome<string>> {
    const stored = await this.#stored(account)
    if (stored && stored.accessJwt !== refused && this.#isFresh(stored)) return ok(this.#keep(account.user, stored))
    if (stored) {
      const answer = await this.#refresh(account.pds, stored)
      if (answer.kind === 'ok') return this.#save(account, answer.value)
      if (answer.kind !== 'unauthorized' && answer.kind !== 'rejected') return answer
    }
    if (account.sealedPassword === null) {
      return { kind: 'unauthorized', code: 'NoPassword', message: 'no password is stored for this account' }
    }
    const answer = await this.login(account.pds, account.did, account.sealedPassword)
    return answer.kind === 'ok' ? this.#save(account, answer.value) : answer
  }

  /** What the store holds now: another process may have renewed it. */
  async #stored(account: ReadyAccount): Promise<Tokens | null> {
    const sealed = (await this.#accounts.byUser(account.user))?.sealedSession ?? null
    return sealed === null ? null : (JSON.parse(await this.#sealer.open(sealed)) as Tokens)
  }

  #refresh(pds: string, tokens: Tokens): Promise<Outcome<Tokens>> {
    const agent = buildAgent({ service: pds, headers: { authorization: `Bearer ${tokens.refreshJwt}` } })
    return outcomeOf(
      async () => (await xrpc(agent, refreshSession, { signal: this.#timeout() })).body,
      () => this.#clock.now(),
    )
  }

  async #save(account: ReadyAccount, tokens: Tokens): Promise<Outcome<string>> {
    const sealedSession = await Sessions.seal(tokens, this.#sealer)
    for (let current = await this.#accounts.byUser(account.user); current !== null;) {
      if (await this.#accounts.save({ ...current, sealedSession })) break
      current = await this.#accounts.byUser(account.user)
    }
    return ok(this.#keep(account.user, tokens))
  }

  #keep(user: string, tokens: Tokens): string {
    this.#cached.delete(user)
    this.#cached.set(user, tokens)
    if (this.#cached.size > MAX_CACHED) this.#cached.delete(this.#cached.keys().next().value!)
    return tokens.accessJwt
  }

  #isFresh(tokens: Tokens): boolean {
    const { exp } = decodeJwt(tokens.accessJwt)
    return exp !== undefined && exp * 1000 > this.#clock.now() + MARGIN_MS
  }

  #timeout(): AbortSignal {
    return AbortSignal.timeout(this.#timeoutMs)
  }
}
