/** The account on the embedded PDS whose repo holds the lexicon, as that of the real authority does on the network. */

import { randomBytes } from 'node:crypto'
import type { DataFolder } from '../data-folder.ts'
import { type Credentials, newAccount } from '../domain/account.ts'
import { AskedToWait, DomainError } from '../domain/errors.ts'
import { accountHandle } from '../domain/handle.ts'
import { codeOf, type Outcome } from '../domain/outcome.ts'
import { pause } from '../pause.ts'
import type { Plan } from './evolution.ts'
import { LexiconRepo, loadPublication } from './repo.ts'
import type { Xrpc } from '../pds/xrpc.ts'
import type { AccountHost } from '../ports/pds.ts'

/** What makes an account. */
type Maker = Pick<AccountHost, 'handleDomain' | 'newCredentials' | 'ensure'>

const FILE = 'lexicon-authority.json'
/** A label that the PDS has not reserved; `lexicon` is. */
const LABEL = 'lexicon-authority'
/** Names to try: another account may have the first ones. */
const CANDIDATES = 5

export interface Authority {
  readonly handle: string
  readonly password: string
  /** Null until the PDS has made the account. */
  readonly did: string | null
}

/** What the folder knows of the account; null before anything was published. */
export function storedAuthority(folder: DataFolder): Authority | null {
  return folder.readJson(FILE) as Authority | null
}

/**
 * The account, made on first use. Its password is on disk, readable by the owner alone, before the PDS is asked, so what a
 * crash leaves behind is found again.
 *
 * @throws DomainError `unavailable`, `bad_request`
 */
export async function openAuthority(folder: DataFolder, host: Maker): Promise<Authority & { readonly did: string }> {
  let authority = storedAuthority(folder)
  if (authority?.did) return { ...authority, did: authority.did }
  const domain = expect(await host.handleDomain())
  const names = Array.from({ length: CANDIDATES }, (_, candidate) => accountHandle(LABEL, LABEL, candidate, domain))
  // An interrupted run is resumed under the name that it began with.
  const begun = authority ? names.indexOf(authority.handle) : 0
  for (const handle of names.slice(Math.max(0, begun))) {
    if (authority?.handle !== handle) authority = { handle, password: randomBytes(24).toString('base64url'), did: null }
    folder.writeJson(FILE, authority)
    // The name goes into the mail address as well, of which there can be only one for each account.
    const credentials: Credentials = { kind: 'plain', password: authority.password }
    const account = { ...newAccount(handle, LABEL), pdsHandle: handle, credentials }
    const answer = await host.ensure(account)
    if (answer.kind === 'rejected' && answer.code === 'HandleNotAvailable' && handle !== names.at(-1)) continue
    const opened = { ...authority, did: expect(answer).did }
    folder.writeJson(FILE, opened)
    return opened
  }
  throw new Error('one of the names is the last one')
}

function expect<T>(answer: Outcome<T>): T {
  if (answer.kind === 'ok') return answer.value
  if (answer.kind === 'later') throw new AskedToWait('the embedded PDS', answer.afterMs)
  const why = codeOf(answer)
  const code = answer.kind === 'rejected' || answer.kind === 'unauthorized' ? 'bad_request' : 'unavailable'
  throw new DomainError(code, `the embedded PDS made no account for the lexicon (${why})`)
}

interface EmbeddedPublisher {
  readonly folder: DataFolder
  readonly host: Maker
  readonly xrpc: Xrpc
  readonly pdsUrl: string
}

/** Does nothing when it is there already. @throws DomainError `bad_request` when it would break what is there */
async function publishEmbedded({ folder, host, xrpc, pdsUrl }: EmbeddedPublisher): Promise<Plan> {
  const { did, password } = await openAuthority(folder, host)
  return new LexiconRepo(xrpc, pdsUrl, did).publish(loadPublication(), password)
}

/** Told, while the lexicon is published, that the PDS asks to wait, and for how long in milliseconds; and of any other failure. */
interface PublishEvents {
  readonly onWait: (afterMs: number) => void
  readonly onError: (error: unknown) => void
}

/**
 * Publishes the product's lexicon on the embedded PDS, in the background: the start does not wait for it, and does not fail with
 * it. Where the PDS asks to wait, it is tried again after that.
 *
 * @returns ends it, waiting for what it has begun; to be called before what it uses is closed
 */
export function publishInBackground(parts: EmbeddedPublisher, { onWait, onError }: PublishEvents): () => Promise<void> {
  const stopping = new AbortController()
  const publish = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await publishEmbedded(parts)
        return
      } catch (error) {
        if (!(error instanceof AskedToWait)) return onError(error)
        onWait(error.afterMs)
        await pause(error.afterMs, stopping.signal)
      }
    }
  }
  const publishing = publish()
  return () => {
    stopping.abort()
    return publishing
  }
}
