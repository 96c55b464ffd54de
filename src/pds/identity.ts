/** Who a DID is: its document, and what the rest of ATProto goes by in it (https://atproto.com/specs/did). */

import { type FoundPublicKey, getPublicKeyFromDidController } from '@atcute/crypto'
import { DomainError } from '../domain/errors.ts'

/** The two methods of ATProto; a did:web has no path there. */
const DID = /^did:(?:plc:[a-z2-7]{24}|web:[a-z0-9.-]+(?:%3A\d+)?)$/

export function isDid(text: string): boolean {
  return DID.test(text)
}

/** @throws DomainError `usage` */
export function requireDid(text: string): string {
  if (isDid(text)) return text
  throw new DomainError('usage', `${text} is no DID that ATProto knows (did:plc:… or did:web:…)`)
}

interface Entry {
  readonly id?: unknown
  readonly type?: unknown
}

interface DidDocument {
  readonly alsoKnownAs?: readonly string[]
  readonly service?: readonly (Entry & { readonly serviceEndpoint?: unknown })[]
  readonly verificationMethod?: readonly (Entry & { readonly publicKeyMultibase?: unknown })[]
}

export type PublicKey = FoundPublicKey

export type Identity =
  | {
      readonly kind: 'known'
      /** Without `at://`; null for none. Only claimed: the handle has to lead back to the DID. */
      readonly handle: string | null
      /** Base URL of the PDS that holds the repo; null for none. */
      readonly pds: string | null
      /** What signs the repo's commits; null for none that can be used. */
      readonly signingKey: PublicKey | null
    }
  | { readonly kind: 'unknown' }
  /** Given up for good by a tombstone. */
  | { readonly kind: 'deactivated' }

/**
 * Looks a DID up.
 *
 * @param plcUrl directory for did:plc; a did:web is asked itself
 * @param timeoutMs how long the one request may take
 * @throws DomainError `usage` when it is no DID; `unavailable` when there is no answer to go by
 */
export async function resolveDid(did: string, plcUrl: string, timeoutMs: number): Promise<Identity> {
  const [, method, name] = requireDid(did).split(':')
  const url = method === 'plc' ? `${plcUrl}/${did}` : `https://${decodeURIComponent(name!)}/.well-known/did.json`
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
    if (response.status === 404) return { kind: 'unknown' }
    if (response.status === 410) return { kind: 'deactivated' }
    if (!response.ok) throw new Error(`status ${response.status}`)
    return identityIn(did, (await response.json()) as DidDocument)
  } catch (error) {
    throw new DomainError('unavailable', `${new URL(url).origin} does not say who ${did} is`, { cause: error })
  }
}

function identityIn(did: string, { alsoKnownAs = [], service = [], verificationMethod = [] }: DidDocument): Identity {
  const named = (entry: Entry, name: string): boolean => entry.id === name || entry.id === `${did}${name}`
  const pds = service.find((entry) => named(entry, '#atproto_pds'))
  const endpoint = pds?.type === 'AtprotoPersonalDataServer' ? pds.serviceEndpoint : null
  return {
    kind: 'known',
    handle: alsoKnownAs.find((name) => name.startsWith('at://'))?.slice('at://'.length) ?? null,
    pds: typeof endpoint === 'string' && URL.canParse(endpoint) ? endpoint.replace(/\/+$/, '') : null,
    signingKey: keyIn(verificationMethod.find((entry) => named(entry, '#atproto'))),
  }
}

/** Of today's form or the older ones (https://atproto.com/specs/did#representation-of-public-keys). */
function keyIn({ type, publicKeyMultibase }: Entry & { readonly publicKeyMultibase?: unknown } = {}): PublicKey | null {
  if (typeof type !== 'string' || typeof publicKeyMultibase !== 'string') return null
  try {
    const key = getPublicKeyFromDidController({ type, publicKeyMultibase })
    return { ...key, publicKeyBytes: compressed(key.publicKeyBytes) }
  } catch {
    return null
  }
}

/**
 * The older forms give both coordinates of the point, and a check of a signature wants the first, with the sign of the second (SEC 1,
 * section 2.3.3: https://www.secg.org/sec1-v2.pdf).
 */
function compressed(point: PublicKey['publicKeyBytes']): PublicKey['publicKeyBytes'] {
  if (point.length !== 65) return point
  return Uint8Array.of(2 + (point[64]! & 1), ...point.subarray(1, 33))
}
