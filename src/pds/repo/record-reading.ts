/**
 * Reading single records. That one is not there is believed when a second way shows the same, since any gateway can say
 * so: the proof of the PDS's own tree, or where it gives none, the whole collection
 * (docs/decisions/0021-absence-by-two-ways.md).
 */

import { isXrpcErrorPayload, xrpc, XrpcInvalidResponseError, XrpcResponseError } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import { type Failure, ok, type Outcome } from '../../domain/outcome.ts'
import type { RepoRecord } from '../../ports/pds.ts'
import type { RepoLimits } from './block-table.ts'
import { carCall } from './car-call.ts'
import { getProof, getRecord } from '../methods.ts'
import { checkedRecord } from './record-answer.ts'
import { provenIn } from './repo-car.ts'
import { OddAnswer } from '../transport.ts'
import type { Call } from '../xrpc.ts'

/** A proof has a commit, some nodes and a record. */
const PROOF: RepoLimits = { bytes: 4_000_000, blocks: 5_000 }

/** A record by its place. */
export interface Place {
  readonly did: string
  readonly collection: string
  readonly rkey: string
}

/** Asks for a record; null when there is none, as far as this one answer can tell. */
export function recordCall({ did, collection, rkey }: Place): Call<RepoRecord | null> {
  const params = { repo: did as l.DidString, collection: collection as l.NsidString, rkey }
  return async (agent, signal) => {
    try {
      return checkedRecord({ did, collection }, rkey, (await xrpc(agent, getRecord, { params, signal })).body)
    } catch (error) {
      if (isAbsence(error)) return null
      throw error
    }
  }
}

/** What one answer tells of a record. */
export interface Seen {
  /** Null when there is none. */
  readonly cid: string | null
  /** Shown by the tree of the repo, and not only said. */
  readonly isProven: boolean
  /** The revision at which it was shown; null where it was only said. */
  readonly rev: string | null
}

/** Asks which CID a record has. */
export function cidCall(place: Place): Call<Outcome<Seen>> {
  const call = recordCall(place)
  return async (agent, signal) => {
    const record = await call(agent, signal)
    return ok({ cid: record?.cid ?? null, isProven: false, rev: null })
  }
}

/**
 * Asks for a proof of the CID of a record, or of its absence.
 *
 * @returns a call whose answer is `uncertain` where what was sent proves nothing
 */
export function proofCall({ did, collection, rkey }: Place): Call<Outcome<Seen>> {
  const params = { did: did as l.DidString, collection: collection as l.NsidString, rkey }
  return carCall(
    (agent, signal) => xrpc(agent, getProof, { params, signal }),
    PROOF,
    (car) => ({ ...provenIn(car, did, `${collection}/${rkey}`), isProven: true }),
  )
}

/** The same about a record that another way has not found. The call fails where a record is proven: one of the two ways is wrong. */
export function absenceCall(place: Place): Call<Outcome<Seen>> {
  const call = proofCall(place)
  return async (agent, signal) => {
    const proof = await call(agent, signal)
    if (proof.kind === 'ok' && proof.value.cid !== null) throw new OddAnswer(DISAGREE.code, DISAGREE.said)
    return proof
  }
}

/** What the second way shows where the first one has found nothing. */
export const DISAGREE = {
  kind: 'uncertain',
  code: 'WaysDisagree',
  answered: false,
  said: 'a record that getRecord has not',
} as const satisfies Failure

/** The forms that "no such record" has: by name, as older PDSes put it, and as a bare 404. */
function isAbsence(error: unknown): boolean {
  if (error instanceof XrpcInvalidResponseError) {
    // The type of a body that is not there cannot be right.
    return error.response.status === 404 && error.response.headers.get('content-length') === '0'
  }
  if (!(error instanceof XrpcResponseError)) return false
  const { status, payload } = error
  if (!isXrpcErrorPayload(payload)) return status === 404 && isEmpty(payload?.body)
  if (error.error === 'RecordNotFound') return true
  return error.error === 'InvalidRequest' && /could not locate/i.test(error.message)
}

function isEmpty(body: unknown): boolean {
  return body === undefined || (body instanceof Uint8Array && body.length === 0)
}
