/**
 * Whether every repo is proven equal by its root: the tree that follows from the rows of the primary has the root that the
 * newest commit names, that commit is signed by the account's key, and it is the one that the stored proof names. Worked out
 * with the libraries of the protocol's authors, and none of the product's own code.
 */

import { ensureAtprotoKey } from '@atproto/identity'
import { parseCid } from '@atproto/lex-data'
import { MemoryBlockstore, MST, readCarWithRoot, Repo, verifyRepo } from '@atproto/repo'
import { expectedOf } from './oracle.ts'
import { type PrimaryMood, type PrimaryProof, primaryOf } from './primary.ts'

const COLLECTION = 'computer.aesthetic.mood'

/** Where the repos and the keys of their accounts are. */
export interface Network {
  readonly pdsUrl: string
  readonly plcUrl: string
}

/** A repo as its newest commit has it. */
interface Read {
  readonly commit: string
  readonly rev: string
  /** Of every collection, by `collection/record key`. */
  readonly cids: ReadonlyMap<string, string>
  /** As the commit names it. */
  readonly root: string
}

/**
 * Every account that is not proven, and why; none when all is well.
 *
 * @param folder data folder of the installation
 */
export async function unproven(network: Network, folder: string): Promise<string[]> {
  const primary = primaryOf(folder)
  const [rows, accounts, proofs] = await Promise.all([primary.moods(), primary.accounts(), primary.proofs()])
  const found: string[] = []
  for (const { user, did } of accounts) {
    if (did === null) continue
    const stored = proofs.find((proof) => proof.user === user)
    const moods = rows.filter((row) => row.did === did)
    for (const problem of await problemsOf(network, did, moods, stored)) found.push(`${did} is not proven: ${problem}`)
  }
  return found
}

async function problemsOf(
  network: Network,
  did: string,
  moods: readonly PrimaryMood[],
  stored: PrimaryProof | undefined,
): Promise<string[]> {
  const head = await getJson<{ cid: string; rev: string }>(xrpc(network, 'getLatestCommit', did))
  const repo = await read(network, did)
  const proof = stored?.proof
  const records = [...repo.cids.keys()].filter((key) => key.startsWith(`${COLLECTION}/`)).length
  return [
    ...(repo.commit === head.cid && repo.rev === head.rev ? [] : ['the repository is not that of its newest commit']),
    ...(repo.root === (await rootOf(moods, repo.cids)) ? [] : ['the tree of the rows has another root']),
    ...(stored === undefined ? ['it was never audited'] : Object.keys(stored.findings)),
    ...(proof ? [] : ['no proof is stored']),
    ...(!proof || (proof.did === did && proof.commit === head.cid) ? [] : ['the proof is of another commit']),
    ...(!proof || (proof.rev === head.rev && proof.records === records) ? [] : ['the proof has other numbers']),
  ]
}

/** Every hash and the signature are checked. */
async function read(network: Network, did: string): Promise<Read> {
  const key = ensureAtprotoKey(await getJson(`${network.plcUrl}/${did}`))
  const response = await fetch(xrpc(network, 'getRepo', did))
  const car = await readCarWithRoot(new Uint8Array(await response.arrayBuffer()))
  const { commit, creates } = await verifyRepo(car.blocks, car.root, did, key)
  const { data } = (await Repo.load(new MemoryBlockstore(car.blocks), car.root)).commit
  const cids = new Map(creates.map(({ collection, rkey, cid }) => [`${collection}/${rkey}`, String(cid)]))
  return { commit: String(commit.cid), rev: commit.rev, cids, root: String(data) }
}

/** Root of the tree that the repo should have; what is there of other collections is taken as it is. */
async function rootOf(moods: readonly PrimaryMood[], there: ReadonlyMap<string, string>): Promise<string> {
  const wanted = new Map([...there].filter(([key]) => !key.startsWith(`${COLLECTION}/`)))
  for (const mood of moods) {
    const key = `${COLLECTION}/${mood.rkey}`
    const expected = await expectedOf(mood)
    // What its author wanted to stay may be there or not.
    if (expected && (!expected.optional || there.has(key))) wanted.set(key, expected.cid)
  }
  return rootOfTree(wanted)
}

async function rootOfTree(cids: ReadonlyMap<string, string>): Promise<string> {
  let tree = await MST.create(new MemoryBlockstore())
  for (const [key, cid] of cids) tree = await tree.add(key, parseCid(cid))
  return String(await tree.getPointer())
}

function xrpc({ pdsUrl }: Network, method: string, did: string): string {
  return `${pdsUrl}/xrpc/com.atproto.sync.${method}?did=${did}`
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}
