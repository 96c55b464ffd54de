/**
 * Access tokens of all accounts: kept in memory, sealed in the store, renewed once however many ask. A restart, or a
 * second process, uses the tokens that are there. Only a refusal by the PDS leads to a login, never a network error.
 */

import { xrpc } from '@atproto/lex-client'
import { LRUCache } from 'lru-cache'
import type { Account, ReadyAccount } from '../domain/account.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import { conditionOf, refusalOf } from '../domain/repo-condition.ts'
import type { AccountStore } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'
import { isOfToken } from './known-errors.ts'
import { createSession, refreshSession } from './methods.ts'
import type { Cost } from './governor.ts'
import { type Sealer, UNSEALABLE } from './sealer.ts'
import { isUsable, type Session, sessionIn, type Tokens, tokensIn } from './tokens.ts'
import type { Call, Xrpc } from './xrpc.ts'

const MAX_CACHED = 10_000
/** What a PDS answers to a login with another password than the account has. */
const WRONG_PASSWORD = 'AuthenticationRequired'

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
  seal({ accessJwt, refreshJwt, receivedAt }: Tokens): Promise<string> {
    return this.#sealer.seal(JSON.stringify({ accessJwt, refreshJwt, receivedAt }))
  }

  /**
   * A valid access token.
   *
   * @param refused a token that the PDS has just refused; it is not given again
   */
  async token(account: ReadyAccount, refused?: string): Promise<Outcome<string>> {
    const cached = this.#cached.get(keyOf(account))
    if (cached && cached.accessJwt !== refused && isUsable(cached, this.#clock.now())) return ok(cached.accessJwt)
    const key = keyOf(account)
    const running = this.#renewing.get(key)
    if (running) return running
    const renewal = this.#renew(account, refused).finally(() => this.#renewing.delete(key))
    this.#renewing.set(key, renewal)
    return renewal
  }

  /** Asks the PDS for tokens by the password that is stored with the account, if the account's logins allow it. */
  async login(pds: string, identifier: string, account: Account): Promise<Outcome<Session>> {
    if (account.credentials === null) {
      return { kind: 'unauthorized', code: 'NoPassword', message: 'no password is stored for this account' }
    }
    let password: string
    try {
      password = await this.#sealer.passwordOf(account.credentials)
    } catch {
      return { kind: 'unauthorized', ...UNSEALABLE }
    }
    const body = { identifier, password }
    const costs: Cost[] = [{ budget: 'logins', of: account.user, amount: 1, share: 1 }]
    const { did, pdsHandle } = account
    const asked = { did, handle: identifier === pdsHandle ? pdsHandle : null }
    const call: Call<Session> = async (agent, signal) => {
      return sessionIn((await xrpc(agent, createSession, { body, signal })).body, asked, this.#clock.now())
    }
    const answer = await this.#xrpc.ask(pds, call, { costs })
    // No token was sent: whoever refuses one has not seen the login.
    const isOfAnother = answer.kind === 'unauthorized' && isOfToken(answer.code) && answer.code !== WRONG_PASSWORD
    return isOfAnother ? { kind: 'uncertain', code: answer.code, answered: true } : answer
  }

  async #renew(account: ReadyAccount, refused: string | undefined): Promise<Outcome<string>> {
    const stored = await this.#stored(account)
    const isFit = stored && stored.accessJwt !== refused && isUsable(stored, this.#clock.now())
    if (isFit) return ok(this.#keep(account, stored))
    if (stored) {
      const answer = await this.#refresh(account, stored)
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
    return this.#sealer.unseal(sealed).then(tokensIn, () => null)
  }

  #refresh({ pds, did }: ReadyAccount, { refreshJwt }: Tokens): Promise<Outcome<Session>> {
    const call: Call<Session> = async (agent, signal) => {
      return sessionIn((await xrpc(agent, refreshSession, { signal })).body, { did, handle: null }, this.#clock.now())
    }
    return this.#xrpc.ask(pds, call, { authorization: `Bearer ${refreshJwt}` })
  }

  /** @returns the access token; a refusal where the PDS lets the owner in, and says that nothing can be written */
  async #save(account: ReadyAccount, tokens: Session): Promise<Outcome<string>> {
    const sealedSession = await this.seal(tokens)
    let current = await this.#accounts.byUser(account.user)
    // The user may have got another account meanwhile.
    while (current?.did === account.did && !current.odd) {
      if (await this.#accounts.save({ ...current, sealedSession })) break
      current = await this.#accounts.byUser(account.user)
    }
    const condition = conditionOf(tokens.active ?? true, tokens.status ?? null)
    return condition === 'active' ? ok(this.#keep(account, tokens)) : refusalOf(condition)
  }

  #keep(account: ReadyAccount, { accessJwt, refreshJwt, receivedAt }: Tokens): string {
    this.#cached.set(keyOf(account), { accessJwt, refreshJwt, receivedAt })
    return accessJwt
  }
}

/** Tokens go to the PDS that gave them, and are of one account: a user may get another, and an account another address. */
function keyOf({ user, did, pds }: ReadyAccount): string {
  return [user, did, pds].join('\n')
}
