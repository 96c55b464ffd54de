/**
 * Reads a collection by its tree: whatever is as expected, or was not asked for, need not be sent, and is proven by the signed
 * commit all the same. Two requests show that ten thousand records are right.
 */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../../domain/account.ts'
import type { AuditedRecord } from '../../domain/audit.ts'
import { chunks } from '../../domain/chunks.ts'
import { codeOf, type Failure, ok, type Outcome } from '../../domain/outcome.ts'
import { isRecordCid } from '../../domain/record-cid.ts'
import { RepoFault } from '../../domain/repo-faults.ts'
import type { RepoLimits } from './block-table.ts'
import { blocksCall } from './car-call.ts'
import { compareTree, type TreeDifferences } from './compare-tree.ts'
import { Comparison } from './comparison.ts'
import type { Blocks } from './descent.ts'
import { ExpectedTree } from './expected-tree.ts'
import { findKeys } from './find-in-tree.ts'
import type { PublicKey } from '../identity.ts'
import { getBlocks } from '../methods.ts'
import { refusesMethod } from './record-pages.ts'
import { cidOfDigest, commitFrom, digestOf, rootOf, valueFrom, verify } from './repo-car.ts'
import { newestCommit } from './revisions.ts'
import type { Share } from './share.ts'
import type { SortedRecords } from './sorted-records.ts'
import type { Call, Xrpc } from '../xrpc.ts'

type Repo = Pick<ReadyAccount, 'did' | 'pds'>

/** Blocks of one request: more names would make its address too long for some servers. */
const BLOCKS_A_REQUEST = 80
/** What one such request may bring: nodes have some hundred bytes, moods at most a few thousand. */
const LIMITS: RepoLimits = { bytes: 8_000_000, blocks: 1_000 }
/** Later commits drop blocks of earlier ones: so often, the reading begins again from the new head. */
const READINGS = 3
/** Where more than this would have to be fetched, the whole repo takes no longer. Bytes, and more of them for each record. */
const WORTH = { bytes: 64_000, bytesARecord: 50 }
/** Bytes of the nodes on the way to one key. */
const WAY = 4_000

/** The tree is not the way to read this repo; another one may be. */
class OtherWay extends Error {}
/** The PDS has no longer what a commit from before refers to. */
class Collected extends Error {}
/** A request has failed. */
class Failed extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(codeOf(failure))
    this.failure = failure
  }
}

/** What one commit of a repo says. */
interface Commit {
  readonly rev: string
  readonly cid: string
  /** Hash of the topmost node of its tree. */
  readonly root: Buffer
}

export class TreeReader {
  readonly #xrpc: Xrpc

  constructor(client: Xrpc) {
    this.#xrpc = client
  }

  /**
   * @param expected what the collection should hold
   * @param signingKey what has to have signed the commit; null not to look
   * @returns null where the repo is to be read in another way: there is no such method, or too much differs
   */
  compare(
    repo: Repo,
    collection: string,
    expected: SortedRecords,
    signingKey: PublicKey | null,
    share: Share,
  ): Promise<Outcome<{ readonly commit: Commit; readonly found: Comparison }> | null> {
    const worth = WORTH.bytes + WORTH.bytesARecord * expected.size
    let tree: ExpectedTree | null = null
    return this.#read(repo, worth, async (reading) => {
      tree ??= await ExpectedTree.of(`${collection}/`, expected, share)
      const commit = await reading.commit(signingKey)
      const differences = await compareTree(commit.root, collection, tree, reading, share)
      const { missing, extra } = differences
      const records = await reading.records(toRead(expected, differences))
      return { commit, found: new Comparison(expected).differ(records, missing, extra.size) }
    })
  }

  /**
   * CIDs of some records, and the revision at which that was so.
   *
   * @returns null where the repo is to be read in another way
   */
  find(
    repo: Repo,
    collection: string,
    rkeys: readonly string[],
  ): Promise<Outcome<{ readonly rev: string; readonly cids: ReadonlyMap<string, string | null> }> | null> {
    return this.#read(repo, WORTH.bytes + WAY * rkeys.length, async (reading) => {
      const { rev, root } = await reading.commit(null)
      const places = rkeys.map((rkey) => ({ rkey, key: `${collection}/${rkey}` }))
      const wanted = places.map(({ key }) => key)
      const found = await findKeys(root, wanted, reading)
      const cids = new Map<string, string | null>()
      for (const { rkey, key } of places) {
        const digest = found.get(key)
        cids.set(rkey, digest === undefined ? null : cidOfDigest(digest))
      }
      return { rev, cids }
    })
  }

  /** Reads from the head of the repo on, and from its new head where it has changed meanwhile. @param worth the most bytes */
  async #read<T>(repo: Repo, worth: number, read: (reading: Reading) => Promise<T>): Promise<Outcome<T> | null> {
    for (let tries = 0; tries < READINGS; tries++) {
      try {
        return ok(await read(new Reading(this.#xrpc, repo, worth)))
      } catch (error) {
        if (error instanceof Collected) continue
        // What is wrong with a tree, reading all of it names for certain.
        if (error instanceof OtherWay || error instanceof RepoFault) return null
        if (error instanceof Failed) return refusesMethod(error.failure) ? null : error.failure
        throw error
      }
    }
    return null
  }
}

/** Hashes of the records whose contents have to be read, by their keys. */
function toRead(expected: SortedRecords, { missing, extra, changed }: TreeDifferences): ReadonlyMap<string, Buffer> {
  const hashes = new Map<string, Buffer>([...extra, ...changed])
  const isMissing = new Set(missing)
  for (let i = 0; i < expected.size; i++) {
    if (expected.isKnown(i)) continue
    const rkey = expected.rkey(i)
    if (!hashes.has(rkey) && !isMissing.has(rkey)) hashes.set(rkey, expected.digest(i))
  }
  return hashes
}

/** One try, from the head of the repo on. */
class Reading {
  readonly #xrpc: Xrpc
  readonly #repo: Repo
  /** Bytes that may still be fetched before another way is the shorter one. */
  #left: number

  constructor(client: Xrpc, repo: Repo, worth: number) {
    this.#xrpc = client
    this.#repo = repo
    this.#left = worth
  }

  /** The newest commit. */
  async commit(signingKey: PublicKey | null): Promise<Commit> {
    const { pds, did } = this.#repo
    const { rev, cid } = this.#valueOf(await this.#xrpc.ask(pds, newestCommit(did)))
    if (!isRecordCid(cid)) throw new RepoFault('CarNoCommit')
    const [block = null] = (await this.nodes([digestOf(cid)])).values()
    const commit = commitFrom(block, did)
    if (commit.rev !== rev) throw new RepoFault('RepoOutdated')
    if (signingKey !== null) await verify(commit, signingKey)
    return { rev, cid, root: rootOf(commit) }
  }

  /** @param hashes of the records, by their keys */
  async records(hashes: ReadonlyMap<string, Buffer>): Promise<ReadonlyMap<string, AuditedRecord>> {
    const blocks = await this.nodes([...hashes.values()])
    const records = new Map<string, AuditedRecord>()
    for (const [rkey, digest] of hashes) {
      const block = blocks.get(digest.toString('hex'))
      if (block === undefined) throw new RepoFault('TreeBlockMissing')
      records.set(rkey, { cid: cidOfDigest(digest), value: valueFrom(block) })
    }
    return records
  }

  /** Blocks by their hashes. */
  async nodes(digests: readonly Buffer[]): Promise<Blocks> {
    const blocks = new Map<string, Buffer>()
    const names = [...new Map(digests.map((digest) => [digest.toString('hex'), digest])).values()]
    if (names.length === 0) return blocks
    if (names.length * SMALLEST > this.#left) throw new OtherWay()
    const calls = [...chunks(names, BLOCKS_A_REQUEST)].map((group) => blocksOf(this.#repo.did, group))
    for (const answer of this.#valueOf(await this.#xrpc.askAll(this.#repo.pds, calls))) {
      for (const [name, bytes] of this.#valueOf(this.#valueOf(answer))) {
        blocks.set(name, bytes)
        this.#left -= bytes.length
      }
    }
    if (this.#left < 0) throw new OtherWay()
    return blocks
  }

  #valueOf<T>(answer: Outcome<T>): T {
    if (answer.kind === 'ok') return answer.value
    if (isCollected(answer)) throw new Collected()
    throw new Failed(answer)
  }
}

/** No block that is asked for has fewer bytes. */
const SMALLEST = 50

/** As the lexicon has it, and as the reference PDS puts it. */
function isCollected(failure: Failure): boolean {
  if (failure.kind !== 'rejected') return false
  return failure.code === 'BlockNotFound' || /could not find cids/i.test(failure.message)
}

function blocksOf(did: string, digests: readonly Buffer[]): Call<Outcome<Blocks>> {
  const cids = digests.map((digest) => cidOfDigest(digest))
  const params = { did: did as l.DidString, cids }
  return blocksCall(
    (agent, signal) => xrpc(agent, getBlocks, { params, signal }),
    LIMITS,
    (table) => {
      const found = new Map<string, Buffer>()
      for (const digest of digests) {
        const block = table.find(digest)
        if (block >= 0) found.set(digest.toString('hex'), Buffer.from(table.bytes(block)))
      }
      return found
    },
  )
}
