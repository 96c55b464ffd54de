/** Reads single records: what is there is believed by its content, and what is not there by two ways. */

import { codeOf, type Failure, ok, type Outcome } from '../../domain/outcome.ts'
import type { ReadRecords, RepoRecord } from '../../ports/pds.ts'
import { refusesMethod } from './record-pages.ts'
import { absenceCall, cidCall, DISAGREE, type Place, proofCall, recordCall, type Seen } from './record-reading.ts'
import type { Call, Sending, Xrpc } from '../xrpc.ts'

/** Record keys and CIDs of a whole collection. */
type ListAll = (
  repo: { readonly did: string; readonly pds: string },
  collection: string,
) => Promise<Outcome<ReadonlyMap<string, string>>>

/** What is known so far of the records that were asked for. */
interface Reading {
  readonly cids: Map<string, string | null>
  readonly unread: Map<string, Failure>
}

/** Records of which more has to be asked. */
interface Open {
  /** A first way has not found them. */
  readonly absent: readonly Place[]
  /** What was answered about them cannot be believed. */
  readonly doubtful: readonly Place[]
  /** The PDS gives no proof of them. */
  readonly unproven: readonly Place[]
}

export class RecordReader {
  readonly #xrpc: Xrpc
  readonly #listAll: ListAll

  constructor(client: Xrpc, listAll: ListAll) {
    this.#xrpc = client
    this.#listAll = listAll
  }

  /**
   * CIDs of a few records of one collection.
   *
   * @param deleted keys that are likely to be gone: of them, the proof is asked for at once
   */
  async read(pds: string, places: readonly Place[], deleted: ReadonlySet<string>): Promise<Outcome<ReadRecords>> {
    const reading: Reading = { cids: new Map(), unread: new Map() }
    const isGone = ({ rkey }: Place): boolean => deleted.has(rkey)
    const first = await this.#ask(pds, places, (place) => (isGone(place) ? proofCall(place) : cidCall(place)))
    if (first.kind !== 'ok') return first
    const open: Record<'absent' | 'doubtful' | 'unproven', Place[]> = { absent: [], doubtful: [], unproven: [] }
    for (const [i, seen] of first.value.entries()) {
      const place = places[i]!
      if (seen.kind !== 'ok') {
        reading.unread.set(place.rkey, seen)
        open[isGone(place) ? 'unproven' : 'doubtful'].push(place)
      } else if (seen.value.isProven || seen.value.cid !== null) reading.cids.set(place.rkey, seen.value.cid)
      else open.absent.push(place)
    }
    return (await this.#confirm(pds, open, reading)) ?? ok(reading)
  }

  /** One record with its content. @param by readers make us read no whole repo */
  async get(pds: string, place: Place, by: 'operator' | 'anyone'): Promise<Outcome<RepoRecord | null>> {
    const sending: Sending = by === 'anyone' ? { small: 'readers' } : {}
    const answer = await this.#xrpc.ask(pds, recordCall(place), sending)
    if (answer.kind !== 'ok' || answer.value !== null) return answer
    const reading: Reading = { cids: new Map(), unread: new Map() }
    const open = { absent: [place], doubtful: [], unproven: [] }
    const failure = await this.#confirm(pds, open, reading, { sending, believes: true })
    return failure ?? reading.unread.get(place.rkey) ?? ok(null)
  }

  /**
   * Asks a second way about what the first one has not shown.
   *
   * @param how `believes`: that two methods say so is enough where nothing follows from it
   * @returns a failure that says something of all of them
   */
  async #confirm(
    pds: string,
    { absent, doubtful, unproven: others }: Open,
    { cids, unread }: Reading,
    how: { readonly sending?: Sending; readonly believes?: boolean } = {},
  ): Promise<Failure | null> {
    const { sending = {}, believes = false } = how
    const isAbsent = (place: Place): boolean => absent.includes(place)
    const places = [...absent, ...doubtful]
    const callOf = (place: Place): Call<Outcome<Seen>> => (isAbsent(place) ? absenceCall : proofCall)(place)
    const proofs = await this.#ask(pds, places, callOf, sending)
    if (proofs.kind !== 'ok') return proofs
    const learn = ({ rkey }: Place, cid: string | null): void => {
      unread.delete(rkey)
      cids.set(rkey, cid)
    }
    const unproven = [...others]
    for (const [i, proof] of proofs.value.entries()) {
      const place = places[i]!
      if (proof.kind === 'ok') learn(place, proof.value.cid)
      else if (believes && codeOf(proof) === 'RecordNotFound') learn(place, null)
      else if (codeOf(proof) === DISAGREE.code || sending.small === 'readers') unread.set(place.rkey, proof)
      else unproven.push(place)
    }
    const [any] = unproven
    if (any === undefined) return null
    const whole = await this.#listAll({ did: any.did, pds }, any.collection)
    if (whole.kind !== 'ok' && !refusesMethod(whole)) return whole
    for (const place of unproven) {
      const cid = whole.kind === 'ok' ? (whole.value.get(place.rkey) ?? null) : null
      if (whole.kind !== 'ok') unread.set(place.rkey, unread.get(place.rkey) ?? whole)
      else if (cid !== null && isAbsent(place)) unread.set(place.rkey, DISAGREE)
      else learn(place, cid)
    }
    return null
  }

  /** Asks about each. @returns an outcome of each; or the failure, where one says nothing was heard of the host, or that it asks to wait */
  async #ask(
    pds: string,
    places: readonly Place[],
    callOf: (place: Place) => Call<Outcome<Seen>>,
    sending: Sending = {},
  ): Promise<Outcome<readonly Outcome<Seen>[]>> {
    if (places.length === 0) return ok([])
    const answers = await this.#xrpc.askAll(pds, places.map(callOf), sending)
    if (answers.kind !== 'ok') return answers
    const seen = answers.value.map((answer) => (answer.kind === 'ok' ? answer.value : answer))
    for (const each of seen) if (each.kind !== 'ok' && !refusesMethod(each)) return each
    return ok(seen)
  }
}
