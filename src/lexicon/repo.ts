/** Lexicon documents as files and as records of a repo: finding, reading and publishing them. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { xrpc } from '@atproto/lex-client'
import { l } from '@atproto/lex-schema'
import { AskedToWait, DomainError } from '../domain/errors.ts'
import type { Outcome } from '../domain/outcome.ts'
import { LEXICON_COLLECTION, type Publication, publicationOf, validateLexicon } from './document.ts'
import { type Plan, planOf } from './evolution.ts'
import type { RepoRecord } from '../ports/pds.ts'
import { createSession, getRecord, putRecord } from '../pds/methods.ts'
import { checkedRecord } from '../pds/repo/record-answer.ts'
import type { Call, Xrpc } from '../pds/xrpc.ts'

const NAME = join('lexicons', 'computer', 'aesthetic', 'mood.json')

/** The product's own document. In a clone it is beside the sources, in a package beside the folder of what was made of them. */
function ownFile(): string {
  const root = join(import.meta.dirname, '..', '..')
  const files = [join(root, NAME), join(root, '..', NAME)]
  return files.find((file) => existsSync(file)) ?? files[0]!
}

/**
 * The JSON of a lexicon file.
 *
 * @param file path; the product's own document by default
 * @throws DomainError `usage` when it cannot be read; `bad_request` when it is not JSON
 */
export function readLexiconFile(file = ownFile()): { readonly file: string; readonly json: unknown } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new DomainError('usage', `${file} cannot be read`, { cause: error })
  }
  try {
    return { file, json: JSON.parse(text) }
  } catch (error) {
    throw new DomainError('bad_request', `${file} is not JSON`, { cause: error })
  }
}

/**
 * A lexicon file that may be published.
 *
 * @throws DomainError `usage`, `bad_request` with a line for each thing that is wrong
 */
export function loadPublication(path?: string): Publication {
  const { file, json } = readLexiconFile(path)
  const { ok, problems, samples } = validateLexicon(json)
  if (ok) return publicationOf(json)
  const bad = samples.filter((sample) => !sample.ok).map(({ name, expected }) => `${name}: is not ${expected}`)
  throw new DomainError('bad_request', [`${file} cannot be published`, ...problems, ...bad].join('\n'))
}

/** The lexicons of one repo. Reading needs no authorisation; each {@link publish} logs in once. */
export class LexiconRepo {
  readonly did: string
  readonly pds: string
  readonly #xrpc: Xrpc

  /** @param pds base URL */
  constructor(client: Xrpc, pds: string, did: string) {
    this.#xrpc = client
    this.pds = pds
    this.did = did
  }

  /**
   * What is published under the NSID, whatever that is; null for nothing.
   *
   * @throws DomainError `unauthorized` when the repo cannot be read; `bad_request`, `unavailable`
   */
  async read(nsid: string): Promise<RepoRecord | null> {
    const params = { ...this.#target(), rkey: nsid }
    const answer = await this.#xrpc.ask(this.pds, async (agent, signal) => {
      const asked = { did: this.did, collection: LEXICON_COLLECTION }
      return checkedRecord(asked, nsid, (await xrpc(agent, getRecord, { params, signal })).body)
    })
    if (answer.kind === 'rejected' && answer.code === 'RecordNotFound') return null
    return this.#expect(answer)
  }

  /**
   * Publishes the document, unless it breaks existing records or readers. Safe to repeat.
   *
   * @param force publishes a breaking change as well
   * @returns what was done
   * @throws DomainError `bad_request` for a breaking change; `unauthorized`, `unavailable`
   */
  async publish(next: Publication, password: string, force = false): Promise<Plan> {
    const published = await this.read(next.document.id)
    const plan = planOf(published, next)
    if (plan.action === 'nothing') return plan
    if (plan.action === 'breaking' && !force) {
      throw new DomainError('bad_request', `what ${this.did} has published would be broken by this document`)
    }
    const body = { identifier: this.did, password }
    const session = this.#expect(
      await this.#xrpc.ask(this.pds, async (agent, signal) => {
        return (await xrpc(agent, createSession, { body, signal })).body
      }),
    )
    if (session.did !== this.did) throw new DomainError('unauthorized', `the password is that of ${session.did}`)
    const answer = await this.#put(next, published?.cid ?? null, session.accessJwt)
    // After a lost answer, a reading shows whether the record was written.
    if (answer.kind !== 'ok' && (await this.read(next.document.id))?.cid !== next.cid) this.#expect(answer)
    return plan
  }

  #put({ document, value: record }: Publication, swapRecord: string | null, token: string): Promise<Outcome> {
    const body = { ...this.#target(), rkey: document.id, record, swapRecord }
    const call: Call<void> = async (agent, signal) => void (await xrpc(agent, putRecord, { body, signal }))
    return this.#xrpc.ask(this.pds, call, { authorization: `Bearer ${token}` })
  }

  #target() {
    return { repo: this.did as l.DidString, collection: LEXICON_COLLECTION as l.NsidString }
  }

  /** @throws DomainError `unauthorized`, `bad_request`, `unavailable` */
  #expect<T>(answer: Outcome<T>): T {
    switch (answer.kind) {
      case 'ok':
        return answer.value
      case 'unauthorized':
        throw new DomainError(
          'unauthorized',
          `the PDS ${this.pds} refuses ${this.did}: ${answer.message || answer.code}`,
        )
      case 'rejected':
        throw new DomainError('bad_request', `the PDS ${this.pds} answers ${answer.code}: ${answer.message}`)
      case 'later':
        throw new AskedToWait(`the PDS ${this.pds}`, answer.afterMs)
      case 'uncertain':
      case 'host_down':
        throw new DomainError('unavailable', `the PDS ${this.pds} did not say yes (${answer.code})`)
    }
  }
}
