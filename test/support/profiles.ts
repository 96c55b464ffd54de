/**
 * Other PDSes, as a server in front of the reference one that changes what a write means, an error looks like, or a method
 * does. What they are modelled on stands with each name.
 */

import type { ServerResponse } from 'node:http'
import { type HostTraits, REFERENCE } from '../../src/domain/host-facts.ts'
import { type Asked, Gateway, pass } from './gateway.ts'

/**
 * - `drops-swap`: `swapRecord` is ignored, and what exists is written over by every call (cocoon);
 * - `null-means-absent`: a `swapRecord` of null counts as none; a CID is compared (rsky, tranquil);
 * - `create-only-put`: null admits nothing that exists, the same content neither; nothing there cannot be deleted (pegasus);
 * - `409-exists`: `swapRecord` is ignored; a creation of what exists is answered 409 `RecordAlreadyExists` (cirrus);
 * - `plain-text-errors`: every error is a line of text (millipds);
 * - `no-batches`: there is no `applyWrites`, which is said in one of two ways;
 * - `no-getBlocks`: there is no `sync.getBlocks`;
 * - `refuses-swap`: a CID in `swapRecord` is refused, null is ignored, there is no `applyWrites`, errors are text (arroba);
 * - `coded-errors`: a lost swap is answered 409, with an error that is no XRPC error (ezpds);
 * - `small-batches`: `applyWrites` takes ten writes, and refuses more;
 * - `small-bodies`: a gateway refuses bodies of more than 20 kB with a page for people, as nginx does from 1 MB on.
 */
export const PROFILES = [
  'drops-swap',
  'null-means-absent',
  'create-only-put',
  '409-exists',
  'plain-text-errors',
  'no-batches',
  'no-getBlocks',
  'refuses-swap',
  'coded-errors',
  'small-batches',
  'small-bodies',
] as const
export type Profile = (typeof PROFILES)[number]

/** How each profile differs from the reference PDS, as the engine is to find it out. */
const TRAITS: Readonly<Record<Profile, Partial<HostTraits>>> = {
  'drops-swap': { nullSwap: 'ignored', cidSwap: 'ignored', batches: 'unprotected' },
  'null-means-absent': { nullSwap: 'ignored' },
  'create-only-put': { deletesNothing: false },
  '409-exists': { nullSwap: 'ignored', cidSwap: 'ignored' },
  'plain-text-errors': {},
  'no-batches': { batches: 'none' },
  'no-getBlocks': { getBlocks: false },
  'refuses-swap': { nullSwap: 'ignored', cidSwap: 'refused', batches: 'none' },
  'coded-errors': {},
  'small-batches': {},
  'small-bodies': {},
}

/** What holds on a PDS of this profile; on the reference one for null. */
export function traitsOf(profile: Profile | null): HostTraits {
  return { ...REFERENCE, ...(profile && TRAITS[profile]) }
}

/** The kind of PDS that the tests of this process run on, as `MOODS_TEST_PROFILE` names it; null for the reference one. */
export function testedProfile(): Profile | null {
  const name = process.env['MOODS_TEST_PROFILE']
  return name === undefined ? null : profileOf(name)
}

/** How many commits it takes to create so many records that wait together, on the kind of PDS that the tests run on. */
export function commitsFor(records: number): number {
  const profile = testedProfile()
  if (traitsOf(profile).batches === 'none') return records
  if (profile !== 'small-batches' || records <= MOST_WRITES) return 1
  // A batch that is refused is cut in halves.
  const half = Math.ceil(records / 2)
  return commitsFor(half) + commitsFor(records - half)
}

/** Whether the PDS says in words for people only why it refuses something. */
export function hasTextErrors(profile: Profile | null): boolean {
  return profile !== null && TEXT_ERRORS.has(profile)
}

/** @throws Error when there is no such profile */
export function profileOf(name: string): Profile {
  const found = PROFILES.find((profile) => profile === name)
  if (found === undefined) throw new Error(`there is no profile "${name}": ${PROFILES.join(', ')}`)
  return found
}

/** An answer that the profile gives in place of the PDS. */
interface Refusal {
  readonly status: number
  readonly error: string
  readonly message: string
}

type Fields = Record<string, unknown>

/** What becomes of a write: it is sent on, changed or not, or refused. */
type Verdict = { readonly body: Fields; readonly method?: string } | { readonly refusal: Refusal }

const NO_METHOD: Refusal = { status: 501, error: 'MethodNotImplemented', message: 'Method Not Implemented' }
const NOT_FOUND: Refusal = { status: 404, error: 'NotFound', message: 'Not Found' }
/** Of `small-batches`, and in bytes of `small-bodies`. */
export const MOST_WRITES = 10
export const LONGEST_BODY = 20_000
const TOO_MANY: Refusal = { status: 400, error: 'InvalidRequest', message: `Too many writes. Max: ${MOST_WRITES}` }
const INVALID_SWAP: Refusal = { status: 400, error: 'InvalidSwap', message: 'Record exists, or is not as it was' }

/** How each profile refuses to create what exists; null where it is written over. The reference PDS answers 500. */
const EXISTS: Partial<Record<Profile, Refusal | null>> = {
  'drops-swap': null,
  'refuses-swap': null,
  'null-means-absent': { status: 400, error: 'InvalidRequest', message: 'Record already exists' },
  'create-only-put': INVALID_SWAP,
  '409-exists': { status: 409, error: 'RecordAlreadyExists', message: 'Record already exists' },
}

const TEXT_ERRORS: ReadonlySet<Profile> = new Set(['plain-text-errors', 'refuses-swap'])

/** A PDS of another kind. */
export class ProfileProxy implements AsyncDisposable {
  readonly profile: Profile
  #gateway!: Gateway
  /** Writes come one after the other, so that what was looked up still holds. */
  #last: Promise<unknown> = Promise.resolve()
  #batches = 0

  private constructor(profile: Profile) {
    this.profile = profile
  }

  /** @param target base URL of the reference PDS @param port of its own; 0 for any that is free */
  static async start(profile: Profile, target: string, port = 0): Promise<ProfileProxy> {
    const proxy = new ProfileProxy(profile)
    const gateway = await Gateway.start(target, (asked, outgoing) => proxy.#handle(asked, outgoing), port)
    proxy.#gateway = gateway.passFirehose()
    return proxy
  }

  get url(): string {
    return this.#gateway.url
  }

  get port(): number {
    return this.#gateway.port
  }

  /** Refuses connections while the PDS behind it is down. */
  shut(): Promise<void> {
    return this.#gateway.shut()
  }

  open(): Promise<void> {
    return this.#gateway.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway[Symbol.asyncDispose]()
  }

  #handle(asked: Asked, outgoing: ServerResponse): Promise<void> | void {
    if (this.profile === 'small-bodies' && asked.body.length > LONGEST_BODY) {
      return void outgoing.writeHead(413, { 'content-type': 'text/html' }).end('<h1>413 Request Entity Too Large</h1>')
    }
    if (!asked.method.startsWith('com.atproto.repo.') || asked.incoming.method !== 'POST') {
      return this.profile === 'no-getBlocks' && asked.method === 'com.atproto.sync.getBlocks'
        ? this.#refuse(NO_METHOD, outgoing)
        : this.#forward(asked, outgoing)
    }
    const write = async (): Promise<void> => {
      const verdict = await this.#judge(asked.method, JSON.parse(asked.body.toString()) as Fields)
      if ('refusal' in verdict) return this.#refuse(verdict.refusal, outgoing)
      const { body, method = asked.method } = verdict
      const changed = { body: Buffer.from(JSON.stringify(body)), url: asked.url.replace(asked.method, method) }
      return this.#forward({ ...asked, ...changed }, outgoing)
    }
    const done = this.#last.then(write, write)
    this.#last = done
    return done
  }

  async #judge(method: string, body: Fields): Promise<Verdict> {
    switch (method) {
      case 'com.atproto.repo.putRecord':
        return this.#put(body)
      case 'com.atproto.repo.createRecord':
        return this.#created(body, await this.#exists(body))
      case 'com.atproto.repo.deleteRecord':
        return this.profile === 'create-only-put' && !(await this.#exists(body)) ? { refusal: INVALID_SWAP } : { body }
      case 'com.atproto.repo.applyWrites':
        return this.#batch(body)
      default:
        return { body }
    }
  }

  async #put(body: Fields): Promise<Verdict> {
    const { swapRecord, ...rest } = body
    switch (this.profile) {
      case 'drops-swap':
      case '409-exists':
        return { body: rest }
      case 'null-means-absent':
        return { body: swapRecord === null ? rest : body }
      case 'refuses-swap':
        if (typeof swapRecord !== 'string') return { body: rest }
        return { refusal: { status: 400, error: 'swapRecord', message: 'swapRecord is not supported yet' } }
      case 'create-only-put':
        return swapRecord === null && (await this.#exists(body)) ? { refusal: INVALID_SWAP } : { body }
      case 'plain-text-errors':
      case 'no-batches':
      case 'no-getBlocks':
      case 'coded-errors':
      case 'small-batches':
      case 'small-bodies':
        return { body }
    }
  }

  #created(body: Fields, exists: boolean): Verdict {
    const refusal = EXISTS[this.profile]
    if (!exists || refusal === undefined) return { body }
    return refusal === null ? { body, method: 'com.atproto.repo.putRecord' } : { refusal }
  }

  async #batch(body: Fields): Promise<Verdict> {
    if (this.profile === 'no-batches' || this.profile === 'refuses-swap') {
      return { refusal: this.#batches++ % 2 === 0 ? NO_METHOD : NOT_FOUND }
    }
    const asked = body['writes'] as Fields[]
    if (this.profile === 'small-batches' && asked.length > MOST_WRITES) return { refusal: TOO_MANY }
    const writes: Fields[] = []
    for (const write of asked) {
      const exists = await this.#exists({ ...write, repo: body['repo'] })
      const kind = String(write['$type']).split('#')[1]
      if (kind === 'delete' && !exists && this.profile === 'create-only-put') return { refusal: INVALID_SWAP }
      const isOver = kind === 'create' && exists
      const refusal = EXISTS[this.profile]
      if (isOver && refusal) return { refusal }
      writes.push(isOver && refusal === null ? { ...write, $type: 'com.atproto.repo.applyWrites#update' } : write)
    }
    return { body: { ...body, writes } }
  }

  async #exists({ repo, collection, rkey }: Fields): Promise<boolean> {
    if (typeof rkey !== 'string') return false
    const query = new URLSearchParams({ repo: String(repo), collection: String(collection), rkey })
    return (await fetch(`${this.#gateway.target}/xrpc/com.atproto.repo.getRecord?${query.toString()}`)).ok
  }

  #forward(asked: Asked, outgoing: ServerResponse): Promise<void> {
    return this.#gateway.forward(asked, (answer) => {
      const status = answer.statusCode ?? 500
      const isText = TEXT_ERRORS.has(this.profile)
      if (status < 400 || (!isText && this.profile !== 'coded-errors')) return pass(answer, outgoing)
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const { error = '', message = '' } = asError(Buffer.concat(chunks).toString())
        void this.#refuse({ status, error, message }, outgoing)
      })
    })
  }

  /** In the form that this profile gives to errors. */
  #refuse({ status, error, message }: Refusal, outgoing: ServerResponse): Promise<void> {
    if (TEXT_ERRORS.has(this.profile)) {
      outgoing.writeHead(status, { 'content-type': 'text/plain' }).end(`${message || error}\n`)
    } else {
      const isCoded = this.profile === 'coded-errors' && error === 'InvalidSwap'
      outgoing
        .writeHead(isCoded ? 409 : status, { 'content-type': 'application/json' })
        .end(JSON.stringify(isCoded ? { error: { code: error } } : { error, message }))
    }
    return Promise.resolve()
  }
}

function asError(text: string): { error?: string; message?: string } {
  try {
    return JSON.parse(text) as { error?: string; message?: string }
  } catch {
    return { message: text }
  }
}
