/** Resolves a DID to its PDS, handle and signing key (https://atproto.com/specs/did). */

import { type FoundPublicKey, getPublicKeyFromDidController } from '@atcute/crypto'
import {
  type DidDocument,
  getAtprotoHandle,
  getAtprotoVerificationMaterial,
  getPdsEndpoint,
  isAtprotoDid,
} from '@atcute/identity'
import {
  AtprotoWebDidDocumentResolver,
  CompositeDidDocumentResolver,
  DocumentNotFoundError,
  PlcDidDocumentResolver,
} from '@atcute/identity-resolver'
import { DomainError } from '../domain/errors.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { Identity } from '../ports/directory.ts'
import { HEADERS_MS, kindOf, OddAnswer, send } from './transport.ts'

/** `did:plc`, or `did:web` of a whole host. */
type AtprotoDid = Parameters<CompositeDidDocumentResolver<'plc' | 'web'>['resolve']>[0]

/** Whether ATProto knows such a DID: `did:plc`, or `did:web` of a whole host. */
export function isDid(text: string): text is AtprotoDid {
  return isAtprotoDid(text)
}

/** @throws DomainError `usage` */
export function requireDid(text: string): AtprotoDid {
  if (isDid(text)) return text
  throw new DomainError('usage', `${text} is no DID that ATProto knows (did:plc:… or did:web:…)`)
}

export type PublicKey = FoundPublicKey

/** A DID document, and the key in it. */
export type SignedIdentity =
  | (Extract<Identity, { readonly kind: 'known' }> & {
      /** Key that signs the repo's commits; null for none of a known form. */
      readonly signingKey: PublicKey | null
    })
  | Extract<Identity, { readonly kind: 'unknown' | 'deactivated' }>

/** The directory answers so for a tombstone (https://web.plc.directory/spec/v0.1/did-plc#did-resolution). */
const GONE = 410
const NOT_FOUND = 404

/** The PLC directory has not answered, or not as one does that works. */
class SilentDirectory extends DomainError {
  /** Its base URL. */
  readonly url: string

  constructor(url: string, cause: unknown) {
    super('unavailable', `the PLC directory at ${url} does not answer`, { cause })
    this.url = url
  }
}

/**
 * Resolves a DID, with its answer as an outcome: `host_down`, with `directory`, where the PLC directory does not answer;
 * `uncertain` where there is no readable document.
 *
 * @param did one that {@link isDid} takes
 */
export async function askIdentity(did: string, plcUrl: string, timeoutMs: number): Promise<Outcome<SignedIdentity>> {
  try {
    return ok(await resolveDid(did, plcUrl, timeoutMs))
  } catch (error) {
    if (error instanceof SilentDirectory) return { kind: 'host_down', code: 'PlcUnreachable', directory: error.url }
    if (!(error instanceof DomainError) || error.code !== 'unavailable') throw error
    return { kind: 'uncertain', code: 'NoDocument', answered: true }
  }
}

/**
 * Resolves a DID.
 *
 * @param plcUrl directory for did:plc; the document of a did:web comes from its own host
 * @param timeoutMs how long the one request may take
 * @throws DomainError `usage` when it is no DID; `unavailable` when the PLC directory does not answer, and without a well-formed
 *   document of this DID: redirects are not followed, and at most 20 kB are read
 */
export async function resolveDid(text: string, plcUrl: string, timeoutMs: number): Promise<SignedIdentity> {
  const did = requireDid(text)
  const fetch: typeof globalThis.fetch = (input, init) => ask(input, init, timeoutMs)
  const plc = new PlcDidDocumentResolver({ apiUrl: plcUrl, fetch })
  const methods = { plc, web: new AtprotoWebDidDocumentResolver({ fetch }) }
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const document = await new CompositeDidDocumentResolver({ methods }).resolve(did, { signal })
    if (document.id !== did) throw new Error(`the document is of ${document.id}`)
    return identityIn(document)
  } catch (error) {
    if (error instanceof DocumentNotFoundError) return { kind: 'unknown' }
    if (statusBehind(error) === GONE) return { kind: 'deactivated' }
    if (did.startsWith('did:plc:') && isSilence(error)) throw new SilentDirectory(plcUrl, error)
    const host = did.startsWith('did:plc:') ? new URL(plcUrl).host : decodeURIComponent(did.slice('did:web:'.length))
    throw new DomainError('unavailable', `${host} has no readable DID document of ${did}`, { cause: error })
  }
}

/** Far more than the 20 kB of a document: what is longer is refused by the resolver. */
const MAX_BYTES = 64 * 1024

/** As the resolvers fetch: that there is no document counts only where a directory says so. */
async function ask(
  input: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
  timeoutMs: number,
): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input)
  const bounds = { headersMs: Math.min(HEADERS_MS, timeoutMs), maxBytes: MAX_BYTES }
  const response = await send(url, init ?? {}, bounds)
  const isAbsence = response.status === NOT_FOUND || response.status === GONE
  // Whoever has a domain may answer for its did:web as any web server does.
  if (isAbsence && !url.pathname.startsWith('/.well-known/') && !(await isOfDirectory(response.clone(), url))) {
    throw new OddAnswer(`Status${response.status}`, kindOf(response))
  }
  return response
}

/** Directories say so in JSON, with a message that names the DID (https://web.plc.directory/api/redoc): a gateway does not know it. */
async function isOfDirectory(response: Response, { pathname }: URL): Promise<boolean> {
  const did = decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1))
  try {
    const { message } = Object(await response.json()) as { readonly message?: unknown }
    return typeof message === 'string' && message.includes(did)
  } catch {
    return false
  }
}

/** Status of the answer that made a resolution fail; undefined when there was none. */
function statusBehind(error: unknown): unknown {
  return ((error as Error).cause as { readonly status?: unknown } | undefined)?.status
}

/** Whether no directory has answered: no connection, no answer in time, or an error of the server. */
function isSilence(error: unknown): boolean {
  const { cause } = error as Error
  const status = statusBehind(error)
  if (typeof status === 'number') return status >= 500
  // A connection that fails is a TypeError with the reason below it; one without is of what was answered.
  return cause instanceof DOMException || (cause instanceof TypeError && cause.cause !== undefined)
}

function identityIn(document: DidDocument): SignedIdentity {
  return {
    kind: 'known',
    handle: getAtprotoHandle(document) ?? null,
    pds: getPdsEndpoint(document)?.replace(/\/+$/, '') ?? null,
    signingKey: keyIn(getAtprotoVerificationMaterial(document)),
  }
}

/** In today's form or the older ones (https://atproto.com/specs/did#representation-of-public-keys). */
function keyIn(material: ReturnType<typeof getAtprotoVerificationMaterial>): PublicKey | null {
  if (material === undefined) return null
  try {
    const key = getPublicKeyFromDidController(material)
    return { ...key, publicKeyBytes: compressed(key.publicKeyBytes) }
  } catch {
    return null
  }
}

/**
 * The older forms give both coordinates of the point; a signature check needs the first, with the sign of the second (SEC 1,
 * section 2.3.3: https://www.secg.org/sec1-v2.pdf).
 */
function compressed(point: PublicKey['publicKeyBytes']): PublicKey['publicKeyBytes'] {
  if (point.length !== 65) return point
  return Uint8Array.of(2 + (point[64]! & 1), ...point.subarray(1, 33))
}
