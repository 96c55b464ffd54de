/** Makes accounts on a PDS that we administer. */

import { createHash, randomBytes } from 'node:crypto'
import { type InferMethodOutputBody, xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { Account, Credentials, ReadyAccount } from '../domain/account.ts'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import { EVENTS_OF_ACCOUNT } from '../domain/relay.ts'
import { conditionIn, type RepoCondition } from '../domain/repo-condition.ts'
import { isSameUrl } from '../domain/urls.ts'
import type { Clock } from '../ports/clock.ts'
import type { AccountHost, OpenedAccount } from '../ports/pds.ts'
import { createAccount, createInviteCode, deleteAccount, describeServer, resolveHandle } from './methods.ts'
import { type Sealer, UNSEALABLE } from './sealer.ts'
import type { Cost } from './governor.ts'
import { askRepoStatus } from './repo-status.ts'
import type { Sessions } from './sessions.ts'
import { type Session, sessionIn } from './tokens.ts'
import { OddAnswer } from './transport.ts'
import type { Call, Xrpc } from './xrpc.ts'

export interface HostOptions {
  /** Base URL of the PDS. */
  readonly url: string
  readonly adminPassword: string
  /** The PDS insists on an address for each account, under a domain of ours; nothing is ever sent there. */
  readonly emailDomain: string
}

type Description = InferMethodOutputBody<typeof describeServer, Uint8Array>

/** The reference PDS names a reserved handle by code, and a taken one only in its message. */
const TAKEN = /^handle already taken/i

/** What a PDS offers may change while we run. */
const DESCRIBED_MS = 10 * 60_000
/** A handle has 253 characters at most, and up to 18 of them are a name and a hash of ours. */
const LONGEST_DOMAIN = 253 - 24
/** An invite code is for people to read; anything else is none. */
const INVITE = /^[\x21-\x7e]{1,300}$/

/** The header by which a PDS knows its administrator. */
export function adminAuthorization(password: string): string {
  return `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
}

export class PdsHost implements AccountHost {
  readonly #options: HostOptions
  readonly #sealer: Sealer
  readonly #sessions: Sessions
  readonly #xrpc: Xrpc
  readonly #clock: Clock
  #described: { readonly description: Description; readonly until: number } | null = null

  constructor(options: HostOptions, sealer: Sealer, sessions: Sessions, client: Xrpc, clock: Clock) {
    this.#options = options
    this.#sealer = sealer
    this.#sessions = sessions
    this.#xrpc = client
    this.#clock = clock
  }

  async handleDomain(): Promise<Outcome<string>> {
    const description = await this.#describe()
    if (description.kind !== 'ok') return description
    const domain = description.value.availableUserDomains.find(isHandleDomain)
    return domain === undefined
      ? { kind: 'rejected', code: 'NoHandleDomain', message: 'the PDS offers no domain for handles' }
      : ok(domain)
  }

  async newCredentials(): Promise<Credentials> {
    return { kind: 'sealed', sealed: await this.#sealer.seal(randomBytes(24).toString('base64url')) }
  }

  async ensure(account: Account): Promise<Outcome<OpenedAccount>> {
    if (account.pdsHandle === null || account.credentials === null) {
      throw new Error('an account needs a stored handle and password before it is made')
    }
    const created = await this.#create(account, account.pdsHandle, account.credentials)
    if (created.kind === 'ok') return this.#opened(created.value)
    if (created.kind !== 'rejected') return (await this.#takenBy(account, created)) ?? created
    // There is no idempotency key: what an earlier try has made answers to the stored password.
    const found = await this.find(account)
    if (found.kind !== 'ok') return found
    if (found.value) return ok(found.value)
    return TAKEN.test(created.message) ? { ...created, code: 'HandleNotAvailable' } : created
  }

  /**
   * Some PDSes refuse in words that are no XRPC error, which may as well be a gateway's. Only if the PDS knows the handle is the account
   * looked for by a login.
   *
   * @returns the account that an earlier try has made; null where that cannot be told
   */
  async #takenBy(account: Account, refusal: Failure): Promise<Outcome<OpenedAccount> | null> {
    if (refusal.kind !== 'uncertain' || refusal.said === undefined) return null
    const params = { handle: account.pdsHandle as l.HandleString }
    const known = await this.#xrpc.ask(this.#options.url, (agent, signal) => {
      return xrpc(agent, resolveHandle, { params, signal })
    })
    if (known.kind !== 'ok') return null
    const found = await this.find(account)
    return found.kind === 'ok' && found.value ? ok(found.value) : null
  }

  async find(account: Account): Promise<Outcome<OpenedAccount | null>> {
    if (account.pdsHandle === null || account.credentials === null) return ok(null)
    const login = await this.#sessions.login(this.#options.url, account.pdsHandle, account)
    if (login.kind === 'ok') return this.#opened(login.value)
    return login.kind === 'unauthorized' || login.kind === 'rejected' ? ok(null) : login
  }

  administers(pds: string): boolean {
    return isSameUrl(pds, this.#options.url)
  }

  async condition({ did, pds }: Pick<ReadyAccount, 'did' | 'pds'>): Promise<Outcome<RepoCondition>> {
    return conditionIn(await askRepoStatus(this.#xrpc, pds, did))
  }

  async deleteAccount(did: string): Promise<Outcome> {
    const { url: pds } = this.#options
    const body = { did: did as l.DidString }
    const ordered = await this.#xrpc.ask(
      pds,
      async (agent, signal) => void (await xrpc(agent, deleteAccount, { body, signal })),
      { authorization: this.#admin(), costs: this.#accountEvents() },
    )
    if (ordered.kind !== 'ok' && ordered.kind !== 'rejected') return ordered
    const condition = await this.condition({ did, pds })
    if (condition.kind !== 'ok') return condition
    if (condition.value === 'gone') return ok(undefined)
    return ordered.kind === 'ok' ? { kind: 'uncertain', code: 'AccountStillThere', answered: true } : ordered
  }

  async #create(account: Account, handle: string, credentials: Credentials) {
    const password = await this.#sealer.passwordOf(credentials).catch(() => null)
    if (password === null) return { kind: 'rejected', ...UNSEALABLE } as const
    const description = await this.#describe()
    if (description.kind !== 'ok') return description
    const invite = description.value.inviteCodeRequired ? await this.#invite() : ok(undefined)
    if (invite.kind !== 'ok') return invite
    // Of the stored password as well: an account that was left behind by an erasure keeps its own address.
    const stored = credentials.kind === 'plain' ? credentials.password : credentials.sealed
    const mailbox = createHash('sha256').update(`${account.user}\n${stored}`).digest('hex').slice(0, 24)
    const body = {
      handle: handle as l.HandleString,
      email: `${mailbox}@${this.#options.emailDomain}`,
      password,
      inviteCode: invite.value,
    }
    return this.#xrpc.ask(
      this.#options.url,
      async (agent, signal) => {
        const answer = (await xrpc(agent, createAccount, { body, signal })).body
        return sessionIn(answer, { did: null, handle }, this.#clock.now())
      },
      { costs: this.#accountEvents() },
    )
  }

  /** A code that admits one account; refusing the admin password is no fault of the account's. */
  async #invite(): Promise<Outcome<string>> {
    const body = { useCount: 1 }
    const call: Call<string> = async (agent, signal) => {
      const { code } = (await xrpc(agent, createInviteCode, { body, signal })).body
      if (!INVITE.test(code)) throw new OddAnswer('OddInviteCode', 'an invite code that is none')
      return code
    }
    return this.#xrpc.ask(this.#options.url, call, { authorization: this.#admin() })
  }

  #admin(): string {
    return adminAuthorization(this.#options.adminPassword)
  }

  /** A deletion sends fewer. */
  #accountEvents(): Cost[] {
    return [{ budget: 'events', of: this.#options.url, amount: EVENTS_OF_ACCOUNT, share: 1 }]
  }

  async #describe(): Promise<Outcome<Description>> {
    const now = this.#clock.now()
    const known = this.#described
    if (known && now < known.until && known.until <= now + DESCRIBED_MS) return ok(known.description)
    const answer = await this.#xrpc.ask(this.#options.url, async (agent, signal) => {
      return (await xrpc(agent, describeServer, { signal })).body
    })
    if (answer.kind === 'ok') this.#described = { description: answer.value, until: now + DESCRIBED_MS }
    return answer
  }

  /** An account that the PDS says it has made, or has let in: it counts once the PDS knows its repo as well. */
  async #opened(session: Session): Promise<Outcome<OpenedAccount>> {
    const { did } = session
    const { url } = this.#options
    const condition = await this.condition({ did, pds: url })
    if (condition.kind !== 'ok') return condition
    if (condition.value === 'gone') return { kind: 'uncertain', code: 'AccountNowhere', answered: true }
    return ok({ did, pds: url, sealedSession: await this.#sessions.seal(session) })
  }
}

/** What a PDS appends to handles (https://atproto.com/specs/handle): labels of letters, digits and hyphens, each after a dot. */
function isHandleDomain(domain: string): boolean {
  return domain.length <= LONGEST_DOMAIN && /^(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/i.test(domain)
}
