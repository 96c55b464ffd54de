/** Where accounts live, by their DID documents, which are asked for again when a host refuses or is silent. */

import { xrpc } from '@atproto/lex-client'
import { LRUCache } from 'lru-cache'
import type { ReadyAccount } from '../domain/account.ts'
import { conditionIn } from '../domain/repo-condition.ts'
import { isSameUrl } from '../domain/urls.ts'
import type { Clock } from '../ports/clock.ts'
import type { Identity } from '../ports/directory.ts'
import type { Occasion, Place, Places } from '../ports/places.ts'
import { type Identities, isYounger, KEPT_MS, type Learned } from './identities.ts'
import { isDid } from './identity.ts'
import { describeServer, getRecommendedDidCredentials } from './methods.ts'
import { askRepoStatus } from './repo-status.ts'
import type { Sessions } from './sessions.ts'
import type { Call, Xrpc } from './xrpc.ts'

/** How old a document may be, in ms. */
const AGE: Readonly<Record<Occasion, number>> = { usual: KEPT_MS, silence: 60_000, refusal: 0 }
const MAX_HOSTS = 1_000

export class PdsPlaces implements Places {
  readonly #sessions: Sessions
  readonly #xrpc: Xrpc
  readonly #clock: Clock
  readonly #identities: Identities
  /** Under which name each PDS is in documents, by the address at which we reach it. */
  readonly #names = new LRUCache<string, Learned<string>>({ max: MAX_HOSTS })

  constructor(sessions: Sessions, client: Xrpc, clock: Clock, identities: Identities) {
    this.#sessions = sessions
    this.#xrpc = client
    this.#clock = clock
    this.#identities = identities
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
    const answer = await this.#identities.of(did, maxAge)
    return answer.kind === 'ok' ? answer.value : this.#identities.last(did)
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
    if (known && isYounger(known, AGE.usual, this.#clock.now())) return known.value
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
