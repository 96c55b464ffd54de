/** What is proven of a user's repo, and whether that still holds. */

import type { Account } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import type { FindingKind } from '../domain/finding-kinds.ts'
import type { GoodLook } from '../domain/looks.ts'
import type { Mood } from '../domain/mood.ts'
import { ageOf, type Proof } from '../domain/proof.ts'
import { BEING_ERASED, proofOf, type Unproven, whyUnproven } from '../domain/proof-reasons.ts'
import { quoted } from '../domain/shell-word.ts'
import { nameOf } from '../domain/user-names.ts'
import { type AuditDeps, auditUser, countKinds, type UserAudit } from './audit.ts'
import type { OnProgress, OnWait } from './deps.ts'
import { Hosts } from './hosts.ts'
import { findThings, type Thing, type ThingsDeps } from './things.ts'
import { handleOf } from './users.ts'

export interface ProofDeps extends AuditDeps, ThingsDeps {
  /** Directory of the did:plc accounts. */
  readonly plcUrl: string
}

/** What came of reading the repo now. */
export interface Checked {
  /**
   * - `holds`: the commit is the one that was proven;
   * - `proven`: there was no proof before, or of another commit, and now there is one;
   * - `in_flight`, `not_signed`: nothing differs, and nothing is proven either;
   * - `differs`: something was found;
   * - `unread`: the repo could not be read, and `code` says why.
   */
  readonly result: (typeof CHECK_RESULTS)[number]
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
  readonly code: string | null
}

export const CHECK_RESULTS = ['holds', 'proven', 'in_flight', 'not_signed', 'differs', 'unread'] as const

/** A command that anyone can run, and what it shows. */
interface PublicCommand {
  readonly shows: string
  readonly command: string
}

export interface ShownProof {
  readonly user: string
  readonly handle: string | null
  readonly account: Pick<Account, 'did' | 'pds' | 'pdsHandle'> | null
  /** The mood that was asked for, whose record is one of those that are proven. */
  readonly mood: (Pick<Mood, 'id'> & Pick<Mood['sync'], 'rkey' | 'cid' | 'state'>) | null
  readonly proof: Proof | null
  /** In ms; null without a proof, and where the clock was wrong when it was made. */
  readonly age: number | null
  /** Null where there is a proof. */
  readonly why: Unproven | null
  /** The last look that could be had; null for none. */
  readonly look: Pick<GoodLook, 'at' | 'findings'> | null
  readonly commands: readonly PublicCommand[]
  /** Null where the repo was not read now. */
  readonly checked: Checked | null
}

export interface ProofOptions {
  /** Reads the repo now. */
  readonly check: boolean
}

/**
 * Shows what is proven of whatever the name means: of a mood, the repo of its author.
 *
 * @param name see {@link findThings}
 * @throws DomainError `usage` when there is no user of that name
 */
export async function proofsOf(
  deps: ProofDeps,
  name: string,
  { check }: ProofOptions,
  onProgress: OnProgress,
  stop: AbortSignal,
  onWait?: OnWait,
): Promise<readonly ShownProof[]> {
  const hosts = new Hosts(deps, stop, onWait)
  const reading = { ...deps, client: deps.client.until(stop) }
  const shown: ShownProof[] = []
  for (const thing of await findThings(deps, name, onProgress, stop)) {
    const of = userOf(thing)
    if (of === null) continue
    const before = check ? await standingProof(deps, of.user) : null
    const audit = check ? await auditUser(reading, of.user, {}, hosts) : null
    shown.push(await shownProof(deps, of, audit && checked(audit, before)))
  }
  if (shown.length > 0 || stop.aborted) return shown
  throw new DomainError('usage', `${name} is an erasure: what was proven of its user is forgotten with all else`)
}

function userOf(thing: Thing): { readonly user: string; readonly mood: Mood | null } | null {
  switch (thing.kind) {
    case 'user':
      return { user: thing.user, mood: null }
    case 'mood':
      return { user: thing.mood.user, mood: thing.mood }
    case 'record':
      return { user: thing.account.user, mood: null }
    case 'erasure':
      return thing.erasure.user === null ? null : { user: thing.erasure.user, mood: null }
  }
}

async function standingProof({ store }: Pick<ProofDeps, 'store'>, user: string): Promise<Proof | null> {
  const [account, audits] = await Promise.all([store.accounts.byUser(user), store.audits.of([user])])
  return proofOf(account, audits.get(user) ?? null)
}

function checked(audit: UserAudit, before: Proof | null): Checked {
  if (audit.kind === 'no_account') return { result: 'unread', findings: {}, code: 'NoAccount' }
  if (audit.kind !== 'audited') return { result: 'unread', findings: {}, code: audit.code }
  const findings = countKinds(audit.audit.findings)
  if (audit.audit.findings.length > 0) return { result: 'differs', findings, code: null }
  if (audit.proof === null) {
    return { result: audit.signed ? 'in_flight' : 'not_signed', findings, code: null }
  }
  return { result: before?.commit === audit.proof.commit ? 'holds' : 'proven', findings, code: null }
}

async function shownProof(
  deps: ProofDeps,
  { user, mood }: { readonly user: string; readonly mood: Mood | null },
  check: Checked | null,
): Promise<ShownProof> {
  const { store, clock, plcUrl } = deps
  const [account, handle, audits, erasure] = await Promise.all([
    store.accounts.byUser(user),
    handleOf(store, user),
    store.audits.of([user]),
    store.erasures.byUser(user),
  ])
  const looks = audits.get(user) ?? null
  const proof = erasure ? null : proofOf(account, looks)
  const why = erasure ? BEING_ERASED : whyUnproven(account, looks, nameOf(user, handle))
  return {
    user,
    handle,
    account: account && { did: account.did, pds: account.pds, pdsHandle: account.pdsHandle },
    mood: mood && { id: mood.id, rkey: mood.sync.rkey, cid: mood.sync.cid, state: mood.sync.state },
    proof,
    age: proof && ageOf(proof, clock.now()),
    why: proof === null ? why : null,
    look: looks?.good ? { at: looks.good.at, findings: looks.good.findings } : null,
    commands: account?.did && account.pds ? publicCommands(account.did, account.pds, plcUrl, proof) : [],
    checked: check,
  }
}

/** What anyone can ask, without an account and without this program. See `docs/guides/proof.md`. */
function publicCommands(did: string, pds: string, plcUrl: string, proof: Proof | null): PublicCommand[] {
  const get = (method: string, query: string): string =>
    `${pds.replace(/\/+$/, '')}/xrpc/com.atproto.sync.${method}?did=${did}${query}`
  const document = did.startsWith('did:web:')
    ? `https://${decodeURIComponent(did.slice('did:web:'.length))}/.well-known/did.json`
    : `${plcUrl.replace(/\/+$/, '')}/${did}`
  return [
    {
      shows: 'the newest commit: the CID and rev of the proof as long as nothing has changed',
      command: `curl -s ${quoted(get('getLatestCommit', ''))}`,
    },
    {
      shows: 'the DID document: the PDS of the account (#atproto_pds), and the key that signs its commits (#atproto)',
      command: `curl -s ${quoted(document)}`,
    },
    ...(proof === null
      ? []
      : [
          {
            shows: 'the signed commit itself, whose "data" is the root of the tree, as a CAR',
            command: `curl -s -o commit.car ${quoted(get('getBlocks', `&cids=${proof.commit}`))}`,
          },
        ]),
    {
      shows: 'the whole repository, from which the root is worked out again, as a CAR',
      command: `curl -s -o repo.car ${quoted(get('getRepo', ''))}`,
    },
  ]
}

/** Whether the repo could be read, where that was asked for. */
export function isRead({ checked: check }: ShownProof): boolean {
  return check?.result !== 'unread'
}
