/** Lines of text about one thing: its name, then what there is to tell of it. */

import { holdReason, type Reason } from '../../domain/reasons.ts'
import { HOLD_REASONS, type HoldReason } from '../../domain/sync.ts'
import { isoTime } from '../phrases.ts'
import { duration } from '../progress.ts'

/** One line of a list: a name, and what there is under it. */
export function line(name: string, text: string): string {
  return `${name.padEnd(10)}${text}`
}

/** How long ago something was. */
export function age(at: number, now: number): string {
  return `${duration(Math.max(0, now - at) / 1000)} ago`
}

/** What is said of moods that are held for this reason: "kept" and "held" are two things. */
const COUNTED_AS: Readonly<Record<HoldReason, string>> = {
  private: 'private',
  kept: 'kept',
  no_account: 'held',
  federation_off: 'held',
  backfill: 'waiting',
}

/** How many moods are held for each reason, with its remedy, for people. */
export function describeHeld(held: Readonly<Partial<Record<HoldReason, number>>>): string[] {
  return HOLD_REASONS.flatMap((hold) => {
    const { text, remedy } = holdReason(hold)
    return held[hold] ? [`  ${held[hold]} ${COUNTED_AS[hold]}: ${text}. ${remedy}`] : []
  })
}

/** The same for programs. */
export function heldDocument(held: Readonly<Partial<Record<HoldReason, number>>>) {
  return HOLD_REASONS.flatMap((hold) => {
    const moods = held[hold] ?? 0
    return moods === 0 ? [] : [{ ...holdReason(hold), moods }]
  })
}

/** A reason with its remedy, on two lines. */
export function describeReason({ text, remedy, until }: Reason & { readonly until?: number | null }): string[] {
  const next = until === undefined || until === null ? '' : `; next look ${isoTime(until)}`
  return [line('because', `${text}${next}`), line('', remedy)]
}
