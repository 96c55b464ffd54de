/** A host of one repo that is made block by block, and the directory that knows its account: both say what a test wants. */

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encode, toBytes } from '@atcute/cbor'
import { fromString } from '@atcute/cid'
import { Secp256k1PrivateKeyExportable } from '@atcute/crypto'
import { newAccount, type ReadyAccount } from '../../src/domain/account.ts'
import { PdsClient } from '../../src/pds/client.ts'
import { Identities } from '../../src/pds/identities.ts'
import { Xrpc } from '../../src/pds/xrpc.ts'
import { type Block, blockOf, headerOf, linkTo, partOf } from './car.ts'

const REV = '3kmm22222222a'
const CAR = 'application/vnd.ipld.car'

/** A repo that is served: by single blocks, and whole. */
export interface Served {
  readonly commit: Block
  readonly blocks: readonly Block[]
  /** Of the commit, where it is not the one that commits have by default. */
  readonly rev?: string
  /** What is sent for single blocks, where it is not those of these names. */
  readonly sent?: (asked: readonly Block[]) => readonly (Block | Buffer)[]
}

type Keypair = Awaited<ReturnType<typeof Secp256k1PrivateKeyExportable.createKeypair>>

export class ServedRepo implements AsyncDisposable {
  readonly did = `did:plc:${'a'.repeat(24)}`
  /** Methods that were asked for, in their order. */
  readonly asked: string[] = []
  /** Bytes that were sent. */
  bytes = 0
  readonly #server: Server
  readonly #keys: Keypair
  readonly #key: string
  #single!: Served
  #whole!: Served
  #byName = new Map<string, Block>()

  private constructor(keys: Keypair, key: string) {
    this.#keys = keys
    this.#key = key
    this.#server = createServer((request, response) => this.#answer(new URL(request.url!, 'http://host'), response))
  }

  static async start(): Promise<ServedRepo> {
    const keys = await Secp256k1PrivateKeyExportable.createKeypair()
    const repo = new ServedRepo(keys, await keys.exportPublicKey('multikey'))
    await new Promise<void>((resolve) => repo.#server.listen(0, '127.0.0.1', resolve))
    return repo
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get account(): ReadyAccount {
    return { ...newAccount('u1', 'alice'), state: 'ready', did: this.did, pds: this.url }
  }

  /** A client that needs no token, since it only reads. */
  client(): PdsClient {
    const clock = { now: () => Date.now() }
    const xrpc = new Xrpc(clock, { timeoutMs: 20_000, bypassKey: null }, null)
    return new PdsClient(null!, xrpc, new Identities(clock, { plcUrl: this.url, timeoutMs: 3_000 }))
  }

  /**
   * A commit of this tree, signed by the account.
   *
   * @param fields other ones than a commit has
   * @param resign makes another signature of the right one
   */
  async commit(
    root: Pick<Block, 'cid'>,
    fields: Readonly<Record<string, unknown>> = {},
    resign: (sig: Uint8Array) => Uint8Array = (sig) => sig,
  ): Promise<Block> {
    const unsigned = { did: this.did, version: 3, data: linkTo(root), rev: REV, prev: null, ...fields }
    const sig = resign(await this.#keys.sign(new Uint8Array(encode(unsigned))))
    return blockOf({ ...unsigned, sig: toBytes(sig) })
  }

  /** @param whole what is sent where the whole repo is asked for, if that is another one */
  serve(single: Served, whole: Served = single): void {
    this.#single = single
    this.#whole = whole
    this.#byName = new Map([single.commit, ...single.blocks].map((block) => [nameOf(block.cid), block]))
    this.asked.length = 0
    this.bytes = 0
  }

  #answer(url: URL, response: ServerResponse): void {
    if (decodeURIComponent(url.pathname).startsWith('/did:')) return this.#json(response, this.#document())
    const method = url.pathname.split('.').at(-1)!
    this.asked.push(method)
    switch (method) {
      case 'getLatestCommit':
        return this.#json(response, { cid: linkTo(this.#single.commit).$link, rev: this.#single.rev ?? REV })
      case 'getBlocks':
        return this.#blocks(url.searchParams.getAll('cids'), response)
      case 'getRepo':
      case 'getRecord':
        return this.#car(response, [this.#whole.commit], [this.#whole.commit, ...this.#whole.blocks])
      default:
        return this.#json(response, { error: 'MethodNotImplemented', message: '' }, 501)
    }
  }

  #blocks(cids: readonly string[], response: ServerResponse): void {
    const asked = cids.map((cid) => this.#byName.get(nameOf(fromString(cid).bytes)))
    const found = asked.filter((block) => block !== undefined)
    if (found.length < asked.length) {
      return this.#json(response, { error: 'InvalidRequest', message: `Could not find cids: ${cids[0]}` }, 400)
    }
    this.#car(response, [], this.#single.sent?.(found) ?? found)
  }

  #car(response: ServerResponse, roots: readonly Block[], blocks: readonly (Block | Buffer)[]): void {
    response.writeHead(200, { 'content-type': CAR })
    const parts = blocks.map((block) => (Buffer.isBuffer(block) ? block : partOf(block)))
    const body = Buffer.concat([headerOf(roots), ...parts])
    this.bytes += body.length
    response.end(body)
  }

  #json(response: ServerResponse, body: unknown, status = 200): void {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
  }

  #document(): unknown {
    const { did } = this
    const [id, type] = [`${did}#atproto`, 'Multikey']
    return {
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: did,
      alsoKnownAs: ['at://alice.test'],
      verificationMethod: [{ id, type, controller: did, publicKeyMultibase: this.#key }],
      service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: this.url }],
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function nameOf(cid: Uint8Array): string {
  return Buffer.from(cid).toString('hex')
}
