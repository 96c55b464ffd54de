/** Repos as CARs that are cut, damaged, endless, or of somebody else. They are made without the product's own code. */

import { encode } from '@atproto/lex-cbor'
import { type Cid, cidForCbor, type LexValue } from '@atproto/lex-data'
import type { Exchange, Fault } from '../odd-server.ts'
import { JSON_TYPE, says } from './said.ts'

const REPO = ['com.atproto.sync.getRepo']
const CAR = { 'content-type': 'application/vnd.ipld.car' } as const

interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

type Link = Cid | null

function varint(n: number): Buffer {
  const bytes: number[] = []
  for (let rest = n; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) + 128)
  }
}

/** A section of a CAR (https://ipld.io/specs/transport/car/carv1/): its length, the CID, the block. */
function section({ cid, bytes }: Block): Buffer {
  return Buffer.concat([varint(cid.bytes.length + bytes.length), cid.bytes, bytes])
}

async function header(root: Cid): Promise<Buffer> {
  const { bytes } = await blockOf({ version: 1, roots: [root] })
  return Buffer.concat([varint(bytes.length), bytes])
}

async function blockOf(value: LexValue): Promise<Block> {
  const bytes = encode(value)
  return { cid: await cidForCbor(bytes), bytes }
}

/** A CID that no block has. */
function foreign(text: string): Promise<Cid> {
  return cidForCbor(Buffer.from(text))
}

/** A commit that nobody has signed. */
function commitOf(did: string, data: Cid): Promise<Block> {
  return blockOf({ did, version: 3, data, rev: '3kmm22222222a', prev: null, sig: new Uint8Array(64) })
}

/** A node of the tree. @param entries record keys and what they lead to */
function nodeOf(left: Link, entries: readonly (readonly [key: string, value: Cid, tree: Link])[]): Promise<Block> {
  const e = entries.map(([key, v, t]) => ({ p: 0, k: Buffer.from(`computer.aesthetic.mood/${key}`), v, t }))
  return blockOf({ l: left, e })
}

async function carOf(did: string, tree: Cid, blocks: readonly Block[]): Promise<Buffer> {
  const commit = await commitOf(did, tree)
  return Buffer.concat([await header(commit.cid), section(commit), ...blocks.map(section)])
}

function didOf({ incoming }: Exchange): string {
  return new URL(incoming.url ?? '/', 'http://x').searchParams.get('did') ?? ''
}

/** A repo that is made up. */
function made(name: string, make: (did: string) => Promise<Buffer>): Fault {
  return {
    name,
    methods: REPO,
    answer: async (exchange) => exchange.say(200, CAR, await make(didOf(exchange))),
  }
}

/** The real repo, damaged on its way. */
function damaged(name: string, damage: (car: Buffer) => Buffer): Fault {
  return {
    name,
    methods: REPO,
    answer: async ({ real, pass }) => {
      const answer = await real()
      pass({ ...answer, body: answer.status === 200 ? damage(answer.body) : answer.body })
    },
  }
}

function flipped(car: Buffer, at: number): Buffer {
  const copy = Buffer.from(car)
  copy[at] = copy[at]! ^ 1
  return copy
}

const DEPTH = 20_000

/** Node above node, each with the next for its left, and all with the hashes that they should have. */
async function deep(did: string): Promise<Buffer> {
  const blocks: Block[] = []
  let left: Link = null
  for (let i = 0; i < DEPTH; i++) {
    const node: Block = await nodeOf(left, [])
    blocks.push(node)
    left = node.cid
  }
  return carOf(did, left!, blocks)
}

const DOUBLINGS = 40

/** Each node has the next one twice below it: few blocks, and more ways through them than can be gone. */
async function doubling(did: string): Promise<Buffer> {
  const value = await blockOf({ $type: 'computer.aesthetic.mood' })
  const blocks: Block[] = [value]
  let below: Block = await nodeOf(null, [['3kmm22222222a', value.cid, null]])
  for (let i = 0; i < DOUBLINGS; i++) {
    blocks.push(below)
    below = await nodeOf(below.cid, [['3kmm22222222b', value.cid, below.cid]])
  }
  return carOf(did, below.cid, [...blocks, below])
}

/** Two nodes that lead to each other, so that their names cannot be their hashes. */
async function cyclic(did: string): Promise<Buffer> {
  const [one, two] = [await foreign('one'), await foreign('two')]
  const [first, second] = [await nodeOf(two, []), await nodeOf(one, [])]
  return carOf(did, one, [
    { cid: one, bytes: first.bytes },
    { cid: two, bytes: second.bytes },
  ])
}

async function empty(did: string): Promise<Buffer> {
  const node = await nodeOf(null, [])
  return carOf(did, node.cid, [node])
}

/** A tree whose records are not there. */
async function withoutRecords(did: string): Promise<Buffer> {
  const node = await nodeOf(null, [['3kmm22222222a', await foreign('nothing'), null]])
  return carOf(did, node.cid, [node])
}

export const REPOS: readonly Fault[] = [
  damaged('the repo is cut in the middle', (car) => car.subarray(0, car.length >> 1)),
  damaged('the repo is cut at its end', (car) => car.subarray(0, -1)),
  damaged('the repo is cut after its header', (car) => car.subarray(0, 64)),
  damaged('one bit of the repo is another', (car) => flipped(car, car.length - 20)),
  damaged('one bit of the header is another', (car) => flipped(car, 30)),
  damaged('the repo comes twice', (car) => Buffer.concat([car, car])),
  damaged('the repo has other bytes after it', (car) => Buffer.concat([car, Buffer.alloc(99, 0xff)])),
  damaged('the repo is nothing', () => Buffer.alloc(0)),
  damaged('the repo is of zeros', () => Buffer.alloc(4_096)),
  damaged('a block as long as can be said', (car) => Buffer.concat([car, Buffer.from([...Array(9).fill(0xff), 0x7f])])),
  made('a repo of very many nodes, each left of another', deep),
  made('a repo whose nodes stand below each other twice', doubling),
  made('a repo whose nodes lead to each other', cyclic),
  made('a repo without what its tree names', withoutRecords),
  made('an empty repo of another account', () => empty(`did:plc:${'z'.repeat(24)}`)),
  made('an empty repo that nobody has signed', empty),
  {
    name: 'the repo of another account',
    methods: REPO,
    answer: async (exchange) => {
      const { repos } = JSON.parse((await exchange.real('/xrpc/com.atproto.sync.listRepos')).body.toString()) as {
        repos: { did: string }[]
      }
      const other = repos.find(({ did }) => did !== didOf(exchange))?.did ?? ''
      exchange.pass(await exchange.real(`/xrpc/com.atproto.sync.getRepo?did=${other}`))
    },
  },
  {
    name: 'a repo without an end',
    methods: REPO,
    answer: async (exchange) => {
      const block = await blockOf({ padding: 'x'.repeat(60_000) })
      const commit = await commitOf(didOf(exchange), block.cid)
      exchange.outgoing.writeHead(200, CAR)
      exchange.outgoing.write(Buffer.concat([await header(commit.cid), section(commit)]))
      const piece = section(block)
      exchange.drip(exchange.outgoing, () => piece, 0)
    },
  },
  {
    name: 'a repo byte by byte',
    methods: REPO,
    answer: async (exchange) => {
      const { body } = await exchange.real()
      exchange.outgoing.writeHead(200, CAR)
      let at = 0
      exchange.drip(exchange.outgoing, () => body.subarray(at, ++at), 40)
    },
  },
  says('the repo is JSON', 200, JSON_TYPE, { status: 'ok' }, { methods: REPO }),
  says('the repo is a page', 200, { 'content-type': 'text/html' }, '<html>', { methods: REPO }),
]
