/** A process that reads what never ends is ended all the same. */

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encode } from '@atcute/cbor'
import { Gateway } from '../support/gateway.ts'
import { ServerProcess } from '../support/process.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

/** Whoever runs the process kills it after this time. */
const GRACE_MS = 10_000

describe('a repo that never ends', () => {
  let site: Site
  let gateway: Gateway
  /** Told of each request for the repo. */
  let asked = Promise.withResolvers<void>()

  /** A CAR with a root, and blocks for as long as somebody listens. */
  function sendEndless(outgoing: ServerResponse): void {
    const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
    const prefix = Buffer.from([1, 0x71, 0x12, 32])
    const block = (n: number): Buffer => {
      const bytes = encode({ n })
      const part = Buffer.concat([prefix, digestOf(bytes), bytes])
      return Buffer.concat([Buffer.of(part.length), part])
    }
    const root = { $link: 'bafyreie5cvv4h45feadgeuwhbcutmh6t2ceseocckahdoe6uat64zmz454' }
    const header = Buffer.from(encode({ version: 1, roots: [root] }))
    outgoing.writeHead(200, { 'content-type': 'application/vnd.ipld.car' })
    outgoing.write(Buffer.concat([Buffer.of(header.length), header]))
    let n = 0
    const more = (): void => {
      while (!outgoing.destroyed) if (!outgoing.write(block(n++))) return
    }
    outgoing.on('drain', more)
    more()
    asked.resolve()
  }

  beforeAll(async () => {
    const front = async (pdsUrl: string): Promise<Gateway> => {
      gateway = await Gateway.start(pdsUrl, (request, outgoing) => {
        if (request.method === 'com.atproto.sync.getRepo') return sendEndless(outgoing)
        return gateway.forward(request, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(outgoing)
        })
      })
      return gateway
    }
    site = await signedUpSite(['alice'], { env: { PDS_RATE_LIMITS: 'off' }, isHostKnown: true, front })
    await site.app.moods.post('u1', { mood: 'one' })
    await site.app.engine.drain()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('keeps no command', async () => {
    asked = Promise.withResolvers()
    const audit = spawn(process.execPath, ['bin/moods.js', 'audit'], {
      env: { PATH: '', ...site.env },
      stdio: 'ignore',
    })
    const ended = once(audit, 'exit')
    await asked.promise
    audit.kill('SIGTERM')
    expect(await Promise.race([ended, setTimeout(GRACE_MS, 'still there', { ref: false })])).toEqual([3, null])
  })

  it('keeps no worker', async () => {
    await using worker = await ServerProcess.start(site.dataFolder, site.env, 'worker')
    asked = Promise.withResolvers()
    await site.app.erasures.request('u1')
    await asked.promise
    expect(await Promise.race([worker.stop('SIGTERM'), setTimeout(GRACE_MS, 'still there', { ref: false })])).toBe(0)
  })
})
