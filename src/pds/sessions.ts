/**
 * Access tokens of all accounts: kept in memory, sealed in the store, renewed once however many ask. A restart, or a
 * second process, uses the tokens that are there. Only a refusal by the PDS leads to a login, never a network error.
 */

import { xrpc } from '@atproto/lex-client'
import { decodeJwt } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Account, ReadyAccount } from '../domain/account.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { AccountStore } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'
import { createSession, refreshSession } from './methods.ts'
import type { Cost } from './governor.ts'
import type { Sealer } from './sealer.ts'
import type { Xrpc } from './xrpc.ts'

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
  readonly #xrpc: Xrpc
  readonly #cached = new LRUCache<string, Tokens>({ max: MAX_CACHED })
  readonly #renewing = new Map<string, Promise<Outcome<string>>>()

  constructor(accounts: AccountStore, sealer: Sealer, clock: Clock, client: Xrpc) {
    this.#accounts = accounts
    this.#sealer = sealer
    this.#clock = clock
    this.#xrpc = client
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

  /** Asks the PDS for tokens by the password that is stored with the account, if the account's logins allow it. */
  async login(pds: string, identifier: string, account: Account): Promise<Outcome<Tokens & { did: string }>> {
    if (account.credentials === null) {
      return { kind: 'unauthorized', code: 'NoPassword', message: 'no password is stored for this account' }
    }
    let password: string
    try {
      password = await this.#sealer.passwordOf(account.credentials)
    } catch {
      return { kind: 'unauthorized', code: 'Unsealable', message: 'the stored password was sealed with another key' }
    }
    const body = { identifier, password }
    const costs: Cost[] = [{ budget: 'logins', of: account.user, amount: 1, share: 1 }]
    return this.#xrpc.ask(pds, async (agent, signal) => (await xrpc(agent, createSession, { body, signal })).body, {
      costs,
    })
  }

  async #renew(account: ReadyAccount, refused: string | undefined): Promise<Outcome<string>> {
    const stored = await this.#stored(account)
    if (stored && stored.accessJwt !== refused && this.#isFresh(stored)) return ok(this.#keep(account.user, stored))
    if (stored) {
      const answer = await this.#refresh(account.pds, stored)
      if (answer.kind === 'ok') return this.#save(account, answer.value)
      if (answer.kind !== 'unauthorized' && answer.kind !== 'rejected') return answer
    }
    const answer = await this.login(account.pds, account.did, account)
    return answer.kind === 'ok' ? this.#save(account, answer.value) : answer
  }

  /** What the store holds now: another process may have renewed it. */
  async #stored(account: ReadyAccount): Promise<Tokens | null> {
    const sealed = (await this.#accounts.byUser(account.user))?.sealedSession ?? null
    if (sealed === null) return null
    // Tokens that cannot be read are as good as none: a login brings others.
    return this.#sealer.unseal(sealed).then(
      (text) => JSON.parse(text) as Tokens,
      () => null,
    )
  }

  #refresh(pds: string, tokens: Tokens): Promise<Outcome<Tokens>> {
    const authorization = `Bearer ${tokens.refreshJwt}`
    return this.#xrpc.ask(pds, async (agent, signal) => (await xrpc(agent, refreshSession, { signal })).body, {
      authorization,
    })
  }

  async #save(account: ReadyAccount, tokens: Tokens): Promise<Outcome<string>> {
    const sealedSession = await Sessions.seal(tokens, this.#sealer)
    for (let current = await this.#accounts.byUser(account.user); current !== null && !current.odd;) {
      if (await this.#accounts.save({ ...current, sealedSession })) break
      current = await this.#accounts.byUser(account.user)
    }
    return ok(this.#keep(account.user, tokens))
  }

  #keep(user: string, tokens: Tokens): string {
    this.#cached.set(user, tokens)
    return tokens.accessJwt
  }

  #isFresh(tokens: Tokens): boolean {
    const { exp } = decodeJwt(tokens.accessJwt)
    return exp !== undefined && exp * 1000 > this.#clock.now() + MARGIN_MS
  }
}
