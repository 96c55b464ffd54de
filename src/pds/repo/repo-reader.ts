/** Reads repos over XRPC: single records, whole repos, and which repos a PDS has. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../../domain/account.ts'
import { type Failure, isSilent, ok, type Outcome } from '../../domain/outcome.ts'
import { RepoFault, type RepoFaultCode, repoFaultWords } from '../../domain/repo-faults.ts'
import type { Expected, ReadRecords, RepoRecord, RepoSnapshot, SnapshotOptions } from '../../ports/pds.ts'
import type { RepoLimits } from './block-table.ts'
import { carCall, faulty } from './car-call.ts'
import { type Identities, KEPT_MS } from '../identities.ts'
import type { PublicKey } from '../identity.ts'
import { getRepo } from '../methods.ts'
import { ofTheRepo, RecordPages, refusesMethod } from './record-pages.ts'
import { RecordReader } from './record-reader.ts'
import type { Place } from './record-reading.ts'
import { collectionIn } from './repo-car.ts'
import { revisionsOf } from './revisions.ts'
import { TreeReader } from './tree-reader.ts'
import type { Xrpc } from '../xrpc.ts'

/** Up to this many records are read one by one, a request each; more are read with the whole repo, in one. */
const READ_SINGLY = 8

/** A smaller repo is sent whole in less time than its tree is compared. */
const TREE_FROM = 200

/** A whole repo may take this many times as long as one record. */
const WHOLE_REPO = 12

type Did = l.DidString

const NONE: ReadonlySet<string> = new Set()

export class RepoReader {
  readonly #xrpc: Xrpc
  readonly #identities: Identities
  readonly #limits: RepoLimits
  readonly #pages: RecordPages
  readonly #records: RecordReader
  readonly #tree: TreeReader

  /**
   * @param identities know the accounts' keys
   * @param limits the most that is read of one repo
   */
  constructor(client: Xrpc, identities: Identities, limits: RepoLimits) {
    this.#xrpc = client
    this.#identities = identities
    this.#limits = limits
    this.#pages = new RecordPages(client, limits.blocks)
    this.#tree = new TreeReader(client)
    this.#records = new RecordReader(client, (repo, collection) => this.list(repo, collection))
  }

  async read(
    account: ReadyAccount,
    collection: string,
    rkeys: readonly string[],
    deleted: ReadonlySet<string> = NONE,
  ): Promise<Outcome<ReadRecords>> {
    if (rkeys.length > READ_SINGLY) {
      const whole = await this.list(account, collection)
      if (whole.kind !== 'ok') return whole
      const cids = new Map(rkeys.map((rkey) => [rkey, whole.value.get(rkey) ?? null]))
      return ok({ cids, unread: new Map() })
    }
    const places = rkeys.map((rkey): Place => ({ did: account.did, collection, rkey }))
    return this.#records.read(account.pds, places, deleted)
  }

  /**
   * Where a repo is not sent whole, or damaged, it is read in pages: what a withdrawal or an erasure needs is what stands
   * there, and not a proof of it.
   */
  async list(
    account: Pick<ReadyAccount, 'did' | 'pds'>,
    collection: string,
  ): Promise<Outcome<ReadonlyMap<string, string>>> {
    // A repo from a cache shows records gone that are there, and takes the place of nothing that is newer.
    const newest = await this.revision(account)
    if (newest.kind !== 'ok') return newest
    const whole = notBefore(newest.value, await this.#whole(account, collection, null))
    const isDamaged = whole.kind === 'uncertain' && repoFaultWords(whole.code) !== null
    const snapshot = isDamaged ? await this.#inPages(account, collection, whole) : whole
    if (snapshot.kind !== 'ok') return snapshot
    return ok(new Map([...snapshot.value.records].map(([rkey, { cid }]) => [rkey, cid])))
  }

  /** Of a repo that is sent damaged, the damage is told: pages would hide it. */
  async snapshot(
    account: ReadyAccount,
    collection: string,
    { verify = false, expected }: SnapshotOptions = {},
  ): Promise<Outcome<RepoSnapshot>> {
    if (!verify) return this.#snapshot(account, collection, expected, null)
    const key = await this.#signingKey(account, KEPT_MS)
    if (key.kind !== 'ok') return key
    const snapshot = await this.#snapshot(account, collection, expected, key.value)
    if (snapshot.kind !== 'uncertain' || snapshot.code !== ('CarWrongSignature' satisfies RepoFaultCode))
      return snapshot
    // The account may have got another key since its document was fetched.
    const other = await this.#signingKey(account, 0)
    if (other.kind !== 'ok') return other
    return isSameKey(key.value, other.value) ? snapshot : this.#snapshot(account, collection, expected, other.value)
  }

  /** A collection by its tree, or whole. @param signingKey null not to look at the signature */
  async #snapshot(
    account: ReadyAccount,
    collection: string,
    expected: Expected | undefined,
    signingKey: PublicKey | null,
  ): Promise<Outcome<RepoSnapshot>> {
    const compared = await this.#compared(account, collection, expected, signingKey)
    return compared ?? this.#whole(account, collection, signingKey)
  }

  /** A collection by its tree; null where it is to be read whole. */
  async #compared(
    account: ReadyAccount,
    collection: string,
    expected: Expected | undefined,
    signingKey: PublicKey | null,
  ): Promise<Outcome<RepoSnapshot> | null> {
    if (expected === undefined || expected.most < TREE_FROM) return null
    const records = expected.records()
    return records.size < TREE_FROM ? null : this.#tree.snapshot(account, collection, records, signingKey)
  }

  /** A collection from the whole repo, or in pages where the PDS does not send that. */
  async #whole(
    account: Pick<ReadyAccount, 'did' | 'pds'>,
    collection: string,
    signingKey: PublicKey | null,
  ): Promise<Outcome<RepoSnapshot>> {
    const { did, pds } = account
    const params = { did: did as Did }
    const call = carCall(
      (agent, signal) => xrpc(agent, getRepo, { params, signal }),
      this.#limits,
      (car, share) => collectionIn(car, { did, collection }, signingKey, share),
    )
    // However long it is, it is cut while it arrives.
    const answer = await this.#xrpc.ask(pds, call, { patience: WHOLE_REPO, maxBytes: Number.POSITIVE_INFINITY })
    if (answer.kind === 'ok') return answer.value
    if (!refusesMethod(answer)) return answer
    const snapshot = await this.#inPages(account, collection, answer)
    if (snapshot.kind !== 'ok' || signingKey === null) return snapshot
    return {
      kind: 'rejected',
      code: 'NoSignature',
      message: 'the PDS sends no whole repositories, whose signature could be checked',
    }
  }

  /** @param why it is not read whole: that is told where pages give nothing either */
  async #inPages(
    account: Pick<ReadyAccount, 'did' | 'pds'>,
    collection: string,
    why: Failure,
  ): Promise<Outcome<RepoSnapshot>> {
    const pages = await this.#pages.snapshot(account, collection)
    if (pages.kind === 'ok' || !refusesMethod(pages)) return pages
    return isSilent(pages) ? why : ofTheRepo(why)
  }

  /** The key that signs a repo's commits. @param maxAge how old its document may be, in ms */
  async #signingKey({ did }: ReadyAccount, maxAge: number): Promise<Outcome<PublicKey>> {
    const answer = await this.#identities.of(did, maxAge)
    if (answer.kind !== 'ok') return answer
    const identity = answer.value
    if (identity.kind === 'known' && identity.signingKey !== null) return ok(identity.signingKey)
    return { kind: 'rejected', code: 'UnknownDid', message: `there is no signing key of ${did}` }
  }

  /** Revision of the newest commit of a repo; null where the PDS does not tell. */
  revision(account: Pick<ReadyAccount, 'did' | 'pds'>): Promise<Outcome<string | null>> {
    return this.#pages.revision(account)
  }

  revisions(pds: string): Promise<Outcome<ReadonlyMap<string, string>>> {
    return revisionsOf(this.#xrpc, pds)
  }

  get(
    repo: Pick<ReadyAccount, 'did' | 'pds'>,
    collection: string,
    rkey: string,
    by: 'operator' | 'anyone' = 'operator',
  ): Promise<Outcome<RepoRecord | null>> {
    return this.#records.get(repo.pds, { did: repo.did, collection, rkey }, by)
  }

  async reach(pds: string): Promise<Outcome> {
    const answer = await this.#xrpc.askAll(pds, [])
    return answer.kind === 'ok' ? ok(undefined) : answer
  }
}

/** A snapshot, unless it is older than a revision that the repo has had before. Revisions are in the order of their text. */
function notBefore(rev: string | null, snapshot: Outcome<RepoSnapshot>): Outcome<RepoSnapshot> {
  if (snapshot.kind !== 'ok' || rev === null || snapshot.value.rev === null || snapshot.value.rev >= rev)
    return snapshot
  return faulty(new RepoFault('RepoOutdated'))
}

function isSameKey(one: PublicKey, other: PublicKey): boolean {
  return Buffer.compare(one.publicKeyBytes, other.publicKeyBytes) === 0
}
