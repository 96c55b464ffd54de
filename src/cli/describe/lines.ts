/** Lines of text about one thing: its name, then what there is to tell of it. */

import { holdReason, type Reason } from '../../domain/reasons.ts'
import type { PolicyExtent } from '../../domain/policy.ts'
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

type Held = Readonly<Partial<Record<HoldReason, number>>>

/** How many moods are held for each reason, with its remedy, for people. @param extent whom the policy includes, where that is known */
export function describeHeld(held: Held, extent?: PolicyExtent): string[] {
  return heldDocument(held, extent).map(({ code, text, remedy, moods }) => {
    return `  ${moods} ${COUNTED_AS[code]}: ${text}. ${remedy}`
  })
}

/** The same for programs. */
export function heldDocument(held: Held, extent?: PolicyExtent) {
  return HOLD_REASONS.flatMap((hold) => {
    const moods = held[hold] ?? 0
    return moods === 0 ? [] : [{ ...holdReason(hold, '', extent), code: hold, moods }]
  })
}

/** A reason with its remedy, on two lines. */
export function describeReason({ text, remedy, until }: Reason & { readonly until?: number | null }): string[] {
  const next = until === undefined || until === null ? '' : `; next look ${isoTime(until)}`
  return [line('because', `${text}${next}`), line('', remedy)]
}
