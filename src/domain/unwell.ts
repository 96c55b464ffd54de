/**
 * A host that does not answer as a PDS does: something else speaks in its place, or it has broken. What it said is noted with
 * its requests, for each method, until that method is answered well again.
 */

import { FURTHEST, isVoid } from './furthest.ts'

/** How a method was last answered that was not answered well. */
export interface Unwell {
  /** NSID of the method. */
  readonly method: string
  /** What came, in a few harmless words that can follow "it answered putRecord with". */
  readonly said: string
  /** When it was first answered so, in ms since 1970. */
  readonly since: number
  /** When it was last noted, in ms since 1970. */
  readonly at: number
}

/** Most methods that are kept of a host. */
const MOST = 8
/** The same again is noted again after so long: an entry that changes with every request would cost a write each. */
const NOTED_EVERY_MS = 10_000
/** Nobody has asked again for so long: the note tells nothing of the host as it is now. */
const FORGOTTEN_MS = 24 * 60 * 60_000
/** The engine asks again after half a minute at most. */
const RECENT_MS = 60_000

/** What counts of these notes. @param now ms since 1970 */
export function known(notes: readonly Unwell[] = [], now: number): readonly Unwell[] {
  return notes.filter(({ at }) => now - at < FORGOTTEN_MS && !isVoid(at, now, FURTHEST.skew))
}

/** Those that were noted from then on: what a host has said since it is not heard of. @param since ms since 1970; undefined for all */
export function noted(notes: readonly Unwell[] = [], since: number | undefined): readonly Unwell[] {
  return since === undefined ? notes : notes.filter(({ at }) => at >= since)
}

/** Whether a host was answering so just now. */
export function isRecent({ at }: Unwell, now: number): boolean {
  return now - at < RECENT_MS && !isVoid(at, now, FURTHEST.skew)
}

/**
 * The notes with one more; the same notes where that adds nothing.
 *
 * @param now ms since 1970
 * @param isChanging whether the entry changes anyway
 */
export function withNote(
  notes: readonly Unwell[] = [],
  { method, said }: Pick<Unwell, 'method' | 'said'>,
  now: number,
  isChanging = false,
): readonly Unwell[] {
  const current = known(notes, now)
  const before = current.find((note) => note.method === method)
  if (!isChanging && before?.said === said && now - before.at < NOTED_EVERY_MS) return notes
  const others = current.filter((note) => note.method !== method)
  const note = { method, said, since: Math.min(before?.since ?? now, now), at: now }
  return [...others.toSorted((a, b) => b.at - a.at).slice(0, MOST - 1), note]
}

/** The notes without those of methods that were answered well. */
export function withoutNotes(notes: readonly Unwell[] = [], methods: readonly string[]): readonly Unwell[] {
  return notes.filter(({ method }) => !methods.includes(method))
}

/** What was said last, as a clause about the host; null where nothing is noted. @param now ms since 1970 */
export function unwellText(notes: readonly Unwell[] | undefined, now: number): string | null {
  const current = known(notes, now).toSorted((a, b) => b.at - a.at)
  const [last, ...others] = current
  if (last === undefined) return null
  const since = Math.min(...current.map((note) => note.since))
  const more =
    others.length === 0 ? '' : `, and ${others.length} more ${others.length === 1 ? 'method' : 'methods'} no better`
  return `does not answer as a PDS does since ${iso(since)}: it answered ${answerText(last)}${more}`
}

/** As in `putRecord with 403 text/html`. */
export function answerText({ method, said }: Unwell): string {
  return `${method.slice(method.lastIndexOf('.') + 1)} with ${said}`
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+/, '')
}
