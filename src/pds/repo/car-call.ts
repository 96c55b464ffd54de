/** Calls whose answer is a CAR. */

import type { Agent } from '@atproto/lex-client'
import { type Failure, ok, type Outcome } from '../../domain/outcome.ts'
import { RepoFault } from '../../domain/repo-faults.ts'
import type { BlockTable, RepoLimits } from './block-table.ts'
import { type Car, readBlocks, readCar } from './car.ts'
import { Share } from './share.ts'
import { kindOf, OddAnswer } from '../transport.ts'
import type { Call } from '../xrpc.ts'

/** A CAR that takes longer than this to arrive, in ms from its headers on, is given up. */
const ARRIVAL_MS = 25_000

const CAR = 'application/vnd.ipld.car'

/**
 * Reads a CAR while it arrives: whatever is sent, no more of it is kept than `limits` allow.
 *
 * @param use makes something of the CAR, as long as the call lasts
 * @returns a call whose answer is itself an outcome: a damaged CAR is `uncertain`, and says something of this repo, not of
 *   its host
 */
export function carCall<T>(
  ask: Ask,
  limits: RepoLimits,
  use: (car: Car, share: Share) => T | Promise<T>,
): Call<Outcome<T>> {
  return arrivalCall(ask, async (chunks, share) => use(await readCar(chunks, limits, share), share))
}

/**
 * As {@link carCall}, for a CAR that is no repo: whatever roots it names.
 *
 * @param use makes something of the blocks
 */
export function blocksCall<T>(ask: Ask, limits: RepoLimits, use: (blocks: BlockTable) => T): Call<Outcome<T>> {
  return arrivalCall(ask, async (chunks, share) => {
    using blocks = await readBlocks(chunks, limits, share)
    return use(blocks)
  })
}

/** Sends a request to the agent; what it returns is ignored. */
type Ask = (agent: Agent, signal: AbortSignal) => Promise<unknown>

function arrivalCall<T>(
  ask: Ask,
  take: (chunks: AsyncIterable<Uint8Array>, share: Share) => Promise<T>,
): Call<Outcome<T>> {
  return async (agent, signal) => {
    let outcome: Outcome<T> | null = null
    const fetchHandler: Agent['fetchHandler'] = async (path, init) => {
      const response = await agent.fetchHandler(path, init)
      const type = response.headers.get('content-type')?.split(';')[0]!.trim().toLowerCase()
      if (!response.ok || type !== CAR) return response
      if (response.body === null) throw new OddAnswer(`Status${response.status}`, kindOf(response))
      outcome = await taken(take, arriving(response.body, signal), signal)
      // Of the answer, the client still checks everything but the body.
      return new Response(new Uint8Array(), response)
    }
    await ask({ did: undefined, fetchHandler }, signal)
    if (outcome === null) throw new Error('a client took something else for a CAR')
    return outcome
  }
}

async function taken<T>(
  take: (chunks: AsyncIterable<Uint8Array>, share: Share) => Promise<T>,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Outcome<T>> {
  using share = new Share(signal)
  try {
    return ok(await take(chunks, share))
  } catch (error) {
    if (error instanceof RepoFault) return faulty(error)
    throw error
  }
}

/** A repo that was sent, and says nothing. */
export function faulty({ code, message }: RepoFault): Failure {
  return { kind: 'uncertain', code, answered: true, said: message }
}

/** A body in its chunks, as long as they come in time. Closed, it lets go of the connection. */
async function* arriving(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  const close = (): Promise<void> => reader.cancel().catch(() => {})
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    void close()
  }, ARRIVAL_MS)
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        // The connection has ended early; where we have ended it ourselves, that is said.
        if (signal.aborted) throw error
        throw new RepoFault('CarCutShort')
      })
      if (isLate) throw new RepoFault('CarTooSlow')
      if (done) return
      yield value
    }
  } finally {
    clearTimeout(timer)
    await close()
  }
}
