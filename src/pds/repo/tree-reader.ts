/**
 * Reads a collection by its tree: whatever is as expected need not be sent, and is proven by the signed commit all the same. Two
 * requests show that ten thousand records are right.
 */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import { fromString } from '@atcute/cid'
import type { ReadyAccount } from '../../domain/account.ts'
import type { AuditedRecord } from '../../domain/audit.ts'
import { chunks } from '../../domain/chunks.ts'
import { codeOf, type Failure, ok, type Outcome } from '../../domain/outcome.ts'
import { RepoFault } from '../../domain/repo-faults.ts'
import type { RepoSnapshot } from '../../ports/pds.ts'
import type { RepoLimits } from './block-table.ts'
import { blocksCall } from './car-call.ts'
import { type Blocks, compareTree, type TreeDifferences } from './compare-tree.ts'
import { ExpectedTree } from './expected-tree.ts'
import type { PublicKey } from '../identity.ts'
import { getBlocks } from '../methods.ts'
import { refusesMethod } from './record-pages.ts'
import { cidOfDigest, commitFrom, rootOf, valueFrom, verify } from './repo-car.ts'
import { newestCommit } from './revisions.ts'
import { Share } from './share.ts'
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

export class TreeReader {
  readonly #xrpc: Xrpc

  constructor(client: Xrpc) {
    this.#xrpc = client
  }

  /**
   * @param expected what the collection should hold, in the order of record keys
   * @param signingKey what has to have signed the commit; null not to look
   * @returns null where the repo is to be read in another way: there is no such method, or too much differs
   */
  async snapshot(
    repo: Repo,
    collection: string,
    expected: ReadonlyMap<string, AuditedRecord>,
    signingKey: PublicKey | null,
  ): Promise<Outcome<RepoSnapshot> | null> {
    using share = new Share(new AbortController().signal)
    try {
      const tree = await ExpectedTree.of(`${collection}/`, digestsOf(expected), share)
      for (let reading = 0; reading < READINGS; reading++) {
        const snapshot = await new Reading(this.#xrpc, repo, expected.size).read(
          { collection, expected, tree, signingKey },
          share,
        )
        if (snapshot !== null) return ok(snapshot)
      }
      return null
    } catch (error) {
      // What is wrong with a tree, reading all of it names for certain.
      if (error instanceof OtherWay || error instanceof RepoFault) return null
      if (error instanceof Failed) return refusesMethod(error.failure) ? null : error.failure
      throw error
    }
  }
}

function* digestsOf(expected: ReadonlyMap<string, AuditedRecord>): Generator<[string, Buffer]> {
  for (const [rkey, { cid }] of expected) yield [rkey, digestOf(cid)]
}

function digestOf(cid: string): Buffer {
  return Buffer.from(fromString(cid).digest.contents)
}

/** One try, from the head of the repo on. */
class Reading {
  readonly #xrpc: Xrpc
  readonly #repo: Repo
  /** Bytes that may still be fetched before another way is the shorter one. */
  #left: number

  constructor(client: Xrpc, repo: Repo, expected: number) {
    this.#xrpc = client
    this.#repo = repo
    this.#left = WORTH.bytes + WORTH.bytesARecord * expected
  }

  /** @returns null when the repo has changed meanwhile */
  async read(
    input: {
      readonly collection: string
      readonly expected: ReadonlyMap<string, AuditedRecord>
      readonly tree: ExpectedTree
      readonly signingKey: PublicKey | null
    },
    share: Share,
  ): Promise<RepoSnapshot | null> {
    const { collection, expected, tree, signingKey } = input
    try {
      const head = await this.#head()
      const [block = null] = (await this.#blocks([head])).values()
      const commit = commitFrom(block, this.#repo.did)
      if (signingKey !== null) await verify(commit, signingKey)
      const source = { nodes: (digests: readonly Buffer[]) => this.#blocks(digests) }
      const differences = await compareTree(rootOf(commit), collection, tree, source, share)
      const read = { rev: commit.rev, commit: cidOfDigest(head), signed: signingKey !== null }
      return { ...read, records: await this.#records(expected, differences) }
    } catch (error) {
      if (error instanceof Collected) return null
      throw error
    }
  }

  /** Hash of the newest commit. */
  async #head(): Promise<Buffer> {
    const { pds, did } = this.#repo
    return digestOf(this.#valueOf(await this.#xrpc.ask(pds, newestCommit(did))).cid)
  }

  /** What is there: as expected, or as it was fetched. */
  async #records(
    expected: ReadonlyMap<string, AuditedRecord>,
    { missing, extra, changed }: TreeDifferences,
  ): Promise<ReadonlyMap<string, AuditedRecord>> {
    const records = new Map(expected)
    for (const rkey of missing) records.delete(rkey)
    const fetched = new Map<string, Buffer>([...extra, ...changed])
    for (const [rkey, { cid, value }] of records) {
      if (value === undefined && !fetched.has(rkey)) fetched.set(rkey, digestOf(cid))
    }
    const blocks = await this.#blocks([...fetched.values()])
    for (const [rkey, digest] of fetched) {
      const block = blocks.get(digest.toString('hex'))
      if (block === undefined) throw new RepoFault('TreeBlockMissing')
      records.set(rkey, { cid: cidOfDigest(digest), value: valueFrom(block) })
    }
    return records
  }

  async #blocks(digests: readonly Buffer[]): Promise<Blocks> {
    const blocks = new Map<string, Buffer>()
    if (digests.length === 0) return blocks
    if (digests.length * SMALLEST > this.#left) throw new OtherWay()
    const calls = [...chunks(digests, BLOCKS_A_REQUEST)].map((group) => blocksOf(this.#repo.did, group))
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
