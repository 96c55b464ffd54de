/**
 * A proof: a commit of a repo, signed by its account's key, showed that the collection is what the database wants. "Published" is
 * what we wrote; "proven" is what such a commit showed, and when. Pure; see `docs/guides/proof.md`.
 */

import { FURTHEST, isVoid } from './furthest.ts'
import { isRecordCid } from './record-cid.ts'

export interface Proof {
  readonly did: string
  readonly rev: string
  /** CID of the signed commit. */
  readonly commit: string
  /** Records of the collection that were proven equal. */
  readonly records: number
  /** When the reading of that commit began, ms since 1970. */
  readonly at: number
  /** When the repo was last seen at that revision with nothing changed in the primary since, ms since 1970; `at` at first. */
  readonly seenAt: number
}

/** The commit that a reading of a repo showed. */
export interface ReadCommit {
  /** Null where the PDS does not tell. */
  readonly rev: string | null
  /** Its CID; null where the way of reading shows no commit. */
  readonly commit: string | null
  /** Whether its signature was checked, with the key of the account. */
  readonly signed: boolean
}

/**
 * The proof that a reading gives which found nothing, with no work under way.
 *
 * @param at when the reading began, ms since 1970
 * @returns null where it shows no signed commit
 */
export function proofIn(
  { rev, commit, signed }: ReadCommit,
  of: { readonly did: string; readonly records: number; readonly at: number },
): Proof | null {
  if (!signed || rev === null || commit === null) return null
  return { did: of.did, rev, commit, records: of.records, at: of.at, seenAt: of.at }
}

/**
 * A proof after the repo was seen again without a difference.
 *
 * @param rev its revision then; only that of the proof says that the proof still holds
 */
export function seenAgain(proof: Proof, rev: string | null, at: number): Proof {
  if (rev !== proof.rev) return proof
  const isOlder = proof.seenAt > at && !isVoid(proof.seenAt, at, FURTHEST.look)
  return isOlder ? proof : { ...proof, seenAt: Math.max(at, proof.at) }
}

/**
 * How old a proof is, in ms: since when the repo has not been seen as it was proven.
 *
 * @returns null where its times lie in the future, by a clock that was wrong: nobody knows how old it is
 */
export function ageOf({ at, seenAt }: Proof, now: number): number | null {
  const last = [seenAt, at].find((time) => !isVoid(time, now, FURTHEST.look))
  return last === undefined ? null : Math.max(0, now - last)
}

const DID = /^did:[a-z]+:[\w.:%-]+$/
/** Revisions are timestamps (https://atproto.com/specs/tid). */
const REV = /^[2-7a-j][2-7a-z]{12}$/

/** A proof as it is stored. @returns null for what cannot be read: the repo is proven again */
export function readProof(stored: unknown): Proof | null {
  if (typeof stored !== 'object' || stored === null) return null
  const { did, rev, commit, records, at, seenAt } = stored as Proof
  const isNamed = [did, rev, commit].every((name) => typeof name === 'string')
  if (!isNamed || !DID.test(did) || !REV.test(rev) || !isRecordCid(commit)) return null
  const isCounted = [records, at, seenAt].every((count) => Number.isSafeInteger(count) && count >= 0)
  return isCounted && seenAt >= at ? { did, rev, commit, records, at, seenAt } : null
}
