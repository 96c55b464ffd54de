/** Reads repos over XRPC: single records, whole repos, and which repos a PDS has. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import { LRUCache } from 'lru-cache'
import type { ReadyAccount } from '../../domain/account.ts'
import { ExpectedRecords } from '../../domain/expected.ts'
import { type Failure, isSilent, ok, type Outcome } from '../../domain/outcome.ts'
import { RepoFault, type RepoFaultCode, repoFaultWords } from '../../domain/repo-faults.ts'
import type { CompareOptions, ReadHints, ReadRecords, RepoComparison, RepoRecord } from '../../ports/pds.ts'
import type { RepoLimits } from './block-table.ts'
import { carCall, faulty } from './car-call.ts'
import { Comparison, Listing, type ShowingCommit, type Taker } from './comparison.ts'
import { type Identities, KEPT_MS } from '../identities.ts'
import type { PublicKey } from '../identity.ts'
import { getRepo } from '../methods.ts'
import { ofTheRepo, RecordPages, refusesMethod } from './record-pages.ts'
import { RecordReader } from './record-reader.ts'
import { type Place, proofCall } from './record-reading.ts'
import { collectionIn, digestOf } from './repo-car.ts'
import { revisionsOf } from './revisions.ts'
import { Share } from './share.ts'
import { SortedRecords } from './sorted-records.ts'
import { TreeReader } from './tree-reader.ts'
import type { Xrpc } from '../xrpc.ts'

/** Up to this many records are read one by one, a request each; of more, the tree is read, or the whole repo. */
const READ_SINGLY = 8

/** A collection with fewer records is sent with its whole repo in less time than its tree is compared. */
const COMPARE_FROM = 200

/** A repo with fewer records is sent whole in less time than some of them are found in its tree. */
const FIND_FROM = 2_000

/** Repos whose size is remembered. */
const SIZES = 10_000

/** A whole repo may take this many times as long as one record. */
const WHOLE_REPO = 12

/** What is to be seen of the signature of a repo. */
interface Signature {
  /** What has to have signed its commit; null not to look. */
  readonly signingKey: PublicKey | null
  /** Whether a repo is not to be read of which no commit is sent. */
  readonly isNeeded: boolean
}

const UNSIGNED: Signature = { signingKey: null, isNeeded: false }

/** Readings by the tree of a repo that changes under our eyes, before it is read whole. */
const TRIES = 3

type Did = l.DidString
type Repo = Pick<ReadyAccount, 'did' | 'pds'>

/** What one reading of a collection has shown. */
interface Shown<T> {
  readonly commit: ShowingCommit
  readonly found: T
}

export class RepoReader {
  readonly #xrpc: Xrpc
  readonly #identities: Identities
  readonly #limits: RepoLimits
  /** How many blocks a repo had that was read whole, by its DID. */
  readonly #sizes: LRUCache<string, number>
  readonly #pages: RecordPages
  readonly #records: RecordReader
  readonly #tree: TreeReader

  /**
   * @param identities know the accounts' keys
   * @param limits the most that is read of one repo
   */
  constructor(
    client: Xrpc,
    identities: Identities,
    limits: RepoLimits,
    sizes = new LRUCache<string, number>({ max: SIZES }),
  ) {
    this.#xrpc = client
    this.#identities = identities
    this.#limits = limits
    this.#sizes = sizes
    this.#pages = new RecordPages(client, limits.blocks)
    this.#tree = new TreeReader(client)
    this.#records = new RecordReader(client, (repo, collection) => this.list(repo, collection))
  }

  /** The same, by another client. */
  by(client: Xrpc): RepoReader {
    return new RepoReader(client, this.#identities, this.#limits, this.#sizes)
  }

  async read(
    account: ReadyAccount,
    collection: string,
    rkeys: readonly string[],
    { deleted = new Set(), records = 0 }: ReadHints = {},
  ): Promise<Outcome<ReadRecords>> {
    if (rkeys.length > READ_SINGLY) {
      const isLarge = Math.max(records, this.#sizeOf(account)) >= FIND_FROM
      const found = isLarge ? await this.#find(account, collection, rkeys) : null
      if (found !== null) return found
      const whole = await this.list(account, collection)
      if (whole.kind !== 'ok') return whole
      const cids = new Map(rkeys.map((rkey) => [rkey, whole.value.get(rkey) ?? null]))
      return ok({ cids, unread: new Map() })
    }
    const places = rkeys.map((rkey): Place => ({ did: account.did, collection, rkey }))
    return this.#records.read(account.pds, places, deleted)
  }

  /** How many blocks a repo had when it was last read whole; 0 where that is not known. */
  #sizeOf({ did }: Repo): number {
    return this.#sizes.get(did) ?? 0
  }

  /**
   * Reads records by the tree. A head may come from a cache; so the revision is shown by a second way, which is the proof of
   * one record, best of one that is not there.
   *
   * @returns null where the whole repo is to be read
   */
  async #find(repo: Repo, collection: string, rkeys: readonly string[]): Promise<Outcome<ReadRecords> | null> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await this.#tree.find(repo, collection, rkeys)
      if (found?.kind !== 'ok') return found
      const { rev, cids } = found.value
      const rkey = rkeys.find((each) => cids.get(each) === null) ?? rkeys[0]!
      const isSo = await this.#isShown({ did: repo.did, collection, rkey }, repo.pds, rev, cids.get(rkey) ?? null)
      if (isSo?.kind !== 'ok') return isSo
      if (isSo.value) return ok({ cids, unread: new Map() })
    }
    return null
  }

  /**
   * Whether the proof of a record shows the same of it, at the same revision, as its tree.
   *
   * @returns null where the PDS gives no proof
   */
  async #isShown(place: Place, pds: string, rev: string, cid: string | null): Promise<Outcome<boolean> | null> {
    const proof = await this.#xrpc.ask(pds, proofCall(place))
    const shown = proof.kind === 'ok' ? proof.value : proof
    if (shown.kind !== 'ok') return refusesMethod(shown) ? null : shown
    return ok(shown.value.rev === rev && shown.value.cid === cid)
  }

  /**
   * Reads by the tree what is left of a collection.
   *
   * @param rkey one of those that were deleted: its proof shows the revision by a second way, as above
   * @returns null where the whole repo is to be read
   */
  async #left(repo: Repo, collection: string, rkey: string): Promise<Outcome<ReadonlyMap<string, string>> | null> {
    using share = new Share(new AbortController().signal)
    const nothing = await SortedRecords.of(new ExpectedRecords(), share)
    for (let tries = 0; tries < TRIES; tries++) {
      const left = await this.#tree.compare(repo, collection, nothing, null, share)
      if (left?.kind !== 'ok') return left
      const { commit, found } = left.value
      const isSo = await this.#isShown({ did: repo.did, collection, rkey }, repo.pds, commit.rev, found.cidOf(rkey))
      if (isSo?.kind !== 'ok') return isSo
      if (isSo.value) return ok(new Map([...found.records].map(([key, { cid }]) => [key, cid])))
    }
    return null
  }

  /**
   * Where a repo is not sent whole, or damaged, it is read in pages: what a withdrawal or an erasure needs is what stands
   * there, and not a proof of it.
   */
  async list(
    repo: Repo,
    collection: string,
    { deleted = new Set() }: Pick<ReadHints, 'deleted'> = {},
  ): Promise<Outcome<ReadonlyMap<string, string>>> {
    const [gone] = deleted
    const left = gone === undefined ? null : await this.#left(repo, collection, gone)
    if (left !== null) return left
    // A repo from a cache shows records gone that are there, and takes the place of nothing that is newer.
    const newest = await this.revision(repo)
    if (newest.kind !== 'ok') return newest
    const whole = notBefore(newest.value, await this.#whole(repo, collection, UNSIGNED, newListing))
    const isDamaged = whole.kind === 'uncertain' && repoFaultWords(whole.code) !== null
    const shown = isDamaged ? await this.#inPages(repo, collection, whole, newListing) : whole
    return shown.kind === 'ok' ? ok(shown.value.found) : shown
  }

  /** Of a repo that is sent damaged, the damage is told: pages would hide it. */
  async compare(
    account: ReadyAccount,
    collection: string,
    { expected = new ExpectedRecords(), verify = false }: CompareOptions = {},
  ): Promise<Outcome<RepoComparison>> {
    const read = (signingKey: PublicKey | null): Promise<Outcome<RepoComparison>> => {
      return this.#compare(account, collection, expected, { signingKey, isNeeded: verify === true })
    }
    if (verify === false) return read(null)
    const key = await this.#signingKey(account, KEPT_MS)
    if (key.kind !== 'ok') return verify === true ? key : read(null)
    const compared = await read(key.value)
    if (compared.kind !== 'uncertain' || compared.code !== ('CarWrongSignature' satisfies RepoFaultCode))
      return compared
    // The account may have got another key since its document was fetched.
    const other = await this.#signingKey(account, 0)
    if (other.kind !== 'ok') return other
    return isSameKey(key.value, other.value) ? compared : read(other.value)
  }

  /** By the tree, or whole. */
  async #compare(
    account: ReadyAccount,
    collection: string,
    expected: ExpectedRecords,
    signature: Signature,
  ): Promise<Outcome<RepoComparison>> {
    const { signingKey } = signature
    using share = new Share(new AbortController().signal)
    const sorted = await SortedRecords.of(expected, share)
    const isLarge = sorted.size >= COMPARE_FROM || (sorted.size > 0 && this.#sizeOf(account) >= FIND_FROM)
    const byTree = isLarge ? await this.#tree.compare(account, collection, sorted, signingKey, share) : null
    const begin = (): Comparison => new Comparison(sorted)
    const shown = byTree ?? (await this.#whole(account, collection, signature, begin))
    if (shown.kind !== 'ok') return shown
    const { commit, found } = shown.value
    // Pages show no commit: what they say has nobody's signature.
    return ok(found.shownBy(commit, signingKey !== null && commit.cid !== null))
  }

  /** A collection from the whole repo, or in pages where the PDS does not send that. */
  async #whole<T>(
    { did, pds }: Repo,
    collection: string,
    { signingKey, isNeeded }: Signature,
    begin: () => Taker<T>,
  ): Promise<Outcome<Shown<T>>> {
    const params = { did: did as Did }
    const call = carCall(
      (agent, signal) => xrpc(agent, getRepo, { params, signal }),
      this.#limits,
      async (car, share): Promise<Shown<T>> => {
        const taker = begin()
        const commit = await collectionIn(car, { did, collection }, signingKey, share, taker.see.bind(taker))
        this.#sizes.set(did, car.blocks.size)
        return { commit, found: taker.end() }
      },
    )
    // However long it is, it is cut while it arrives.
    const answer = await this.#xrpc.ask(pds, call, { patience: WHOLE_REPO, maxBytes: Number.POSITIVE_INFINITY })
    if (answer.kind === 'ok') return answer.value
    if (!refusesMethod(answer)) return answer
    const shown = await this.#inPages({ did, pds }, collection, answer, begin)
    if (shown.kind !== 'ok' || !isNeeded) return shown
    return {
      kind: 'rejected',
      code: 'NoSignature',
      message: 'the PDS sends no whole repositories, whose signature could be checked',
    }
  }

  /** @param why it is not read whole: that is told where pages give nothing either */
  async #inPages<T>(repo: Repo, collection: string, why: Failure, begin: () => Taker<T>): Promise<Outcome<Shown<T>>> {
    const pages = await this.#pages.snapshot(repo, collection)
    if (pages.kind !== 'ok') {
      if (!refusesMethod(pages)) return pages
      return isSilent(pages) ? why : ofTheRepo(why)
    }
    const taker = begin()
    for (const [rkey, record] of [...pages.value.records].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      taker.see(rkey, digestOf(record.cid), () => record)
    }
    return ok({ commit: { rev: pages.value.rev, cid: null }, found: taker.end() })
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

function newListing(): Listing {
  return new Listing()
}

/** What was read, unless it is older than a revision that the repo has had before. Revisions are in the order of their text. */
function notBefore<T>(rev: string | null, shown: Outcome<Shown<T>>): Outcome<Shown<T>> {
  if (shown.kind !== 'ok' || rev === null || shown.value.commit.rev === null || shown.value.commit.rev >= rev)
    return shown
  return faulty(new RepoFault('RepoOutdated'))
}

function isSameKey(one: PublicKey, other: PublicKey): boolean {
  return Buffer.compare(one.publicKeyBytes, other.publicKeyBytes) === 0
}
