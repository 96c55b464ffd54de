/** Where accounts live, by their DID documents: kept for a while, and asked for again when a host refuses or is silent. */

import { xrpc } from '@atproto/lex-client'
import { LRUCache } from 'lru-cache'
import type { ReadyAccount } from '../domain/account.ts'
import { conditionIn } from '../domain/repo-condition.ts'
import { isSameUrl } from '../domain/urls.ts'
import type { Clock } from '../ports/clock.ts'
import type { Identity } from '../ports/directory.ts'
import type { Occasion, Place, Places } from '../ports/places.ts'
import { askIdentity, isDid } from './identity.ts'
import { describeServer, getRecommendedDidCredentials } from './methods.ts'
import { askRepoStatus } from './repo-status.ts'
import type { Sessions } from './sessions.ts'
import type { Call, Xrpc } from './xrpc.ts'

/** How old a document may be, in ms. */
const AGE: Readonly<Record<Occasion, number>> = { usual: 10 * 60_000, silence: 60_000, refusal: 0 }
/** A directory that does not answer is left alone for so long. */
const QUIET_MS = 30_000
/** No mood waits longer than this for a directory. */
const PATIENCE_MS = 3_000
const MAX_CACHED = 10_000
const MAX_HOSTS = 1_000

export interface PlacesOptions {
  /** Directory of the did:plc accounts. */
  readonly plcUrl: string
  /** How long one request may take, in ms. */
  readonly timeoutMs: number
}

/** Something that was learned at a time, in ms since 1970. */
interface Learned<T> {
  readonly value: T
  readonly at: number
}

export class PdsPlaces implements Places {
  readonly #sessions: Sessions
  readonly #xrpc: Xrpc
  readonly #clock: Clock
  readonly #options: PlacesOptions
  readonly #documents = new LRUCache<string, Learned<Identity>>({ max: MAX_CACHED })
  /** Under which name each PDS is in documents, by the address at which we reach it. */
  readonly #names = new LRUCache<string, Learned<string>>({ max: MAX_HOSTS })
  /** What has not answered: the PLC directory; DIDs of which a directory has no readable document. */
  readonly #quiet = new LRUCache<string, Learned<true>>({ max: MAX_HOSTS })

  constructor(sessions: Sessions, client: Xrpc, clock: Clock, options: PlacesOptions) {
    this.#sessions = sessions
    this.#xrpc = client
    this.#clock = clock
    this.#options = options
  }

  async placeOf(account: ReadyAccount, occasion: Occasion): Promise<Place> {
    const identity = await this.#identity(account.did, AGE[occasion])
    // What a directory does not know may be in another one.
    if (identity === null || identity.kind === 'unknown' || identity.kind === 'invalid') return { kind: 'unknown' }
    if (identity.kind === 'deactivated' || identity.pds === null) return { kind: 'elsewhere', pds: null }
    if (isSameUrl(identity.pds, account.pds)) return { kind: 'here' }
    return this.#atAnotherAddress(account, identity.pds)
  }

  /** The document, no older than this; the last one where none is to be had now; null where there was none. */
  async #identity(did: string, maxAge: number): Promise<Identity | null> {
    if (!isDid(did)) return null
    const known = this.#documents.get(did)
    if (known && this.#isYounger(known, maxAge)) return known.value
    const { plcUrl, timeoutMs } = this.#options
    const directory = did.startsWith('did:plc:') ? plcUrl : did
    const last = known?.value ?? null
    if ([directory, did].some((asked) => this.#isQuiet(asked))) return last
    const answer = await askIdentity(did, plcUrl, Math.min(timeoutMs, PATIENCE_MS))
    const at = this.#clock.now()
    if (answer.kind === 'ok') {
      this.#documents.set(did, { value: answer.value, at })
      return answer.value
    }
    // Of one that answers, the documents of others may be had.
    this.#quiet.set(answer.kind === 'host_down' ? directory : did, { value: true, at })
    return last
  }

  #isQuiet(asked: string): boolean {
    const since = this.#quiet.get(asked)
    return since !== undefined && this.#isYounger(since, QUIET_MS)
  }

  /** The document names another address than ours: that of the same PDS, or another PDS. */
  async #atAnotherAddress(account: ReadyAccount, pds: string): Promise<Place> {
    const name = await this.#nameOf(account)
    if (name !== null && isSameUrl(name, pds)) return { kind: 'here' }
    if (name !== null) return { kind: 'elsewhere', pds }
    // It does not tell its name. What has moved away is not active there any more.
    const condition = conditionIn(await askRepoStatus(this.#xrpc, account.pds, account.did))
    const hasMoved = condition.kind === 'ok' && condition.value !== 'active'
    return hasMoved ? { kind: 'elsewhere', pds } : { kind: 'unknown' }
  }

  /**
   * The address by which the PDS of the account wants to be known, which may not be the one at which we reach it. Null where it
   * does not tell, as far as we can ask it.
   */
  async #nameOf(account: ReadyAccount): Promise<string | null> {
    const known = this.#names.get(account.pds)
    if (known && this.#isYounger(known, AGE.usual)) return known.value
    const name = (await this.#recommended(account)) ?? (await this.#described(account.pds))
    if (name !== null) this.#names.set(account.pds, { value: name, at: this.#clock.now() })
    return name
  }

  /** What the PDS would have a DID document say of it. */
  async #recommended(account: ReadyAccount): Promise<string | null> {
    const token = await this.#sessions.token(account)
    if (token.kind !== 'ok') return null
    const answer = await this.#xrpc.ask(account.pds, recommended, { authorization: `Bearer ${token.value}` })
    return answer.kind === 'ok' ? answer.value : null
  }

  /** A PDS has the DID of its host name; one without a port, since it has no certificate for another. */
  async #described(pds: string): Promise<string | null> {
    const answer = await this.#xrpc.ask(pds, described)
    return answer.kind === 'ok' ? answer.value : null
  }

  /** A time in the future is one of a clock that was wrong. */
  #isYounger({ at }: Learned<unknown>, maxAge: number): boolean {
    const age = this.#clock.now() - at
    return age >= 0 && age < maxAge
  }
}

const recommended: Call<string | null> = async (agent, signal) => {
  return endpointIn((await xrpc(agent, getRecommendedDidCredentials, { signal })).body.services)
}

const described: Call<string | null> = async (agent, signal) => {
  const { did } = (await xrpc(agent, describeServer, { signal })).body
  const host = /^did:web:([a-z0-9.-]+\.[a-z]+)$/i.exec(did)?.[1]
  return host === undefined ? null : `https://${host}`
}

function endpointIn(services: unknown): string | null {
  const service = fieldOf(services, 'atproto_pds')
  const endpoint = fieldOf(service, 'endpoint')
  return typeof endpoint === 'string' && /^https?:$/.test(URL.parse(endpoint)?.protocol ?? '') ? endpoint : null
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
