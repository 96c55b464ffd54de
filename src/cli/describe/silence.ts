/** What a command says of hosts that did not answer, and of what was known before of the repositories it could not read. */

import { counted } from '../../domain/tally.ts'
import type { LooksTogether } from '../../domain/looks.ts'
import type { SilentHost } from '../../operate/silence.ts'
import { isoTime } from '../phrases.ts'
import { age } from './lines.ts'

/** @param now ms since 1970 */
export function describeSilent(silent: readonly SilentHost[], now: number): string[] {
  return silent.map(({ what, url, since, said }) => {
    if (said !== undefined) return `The ${what} at ${url} ${said} (${age(since, now)}).`
    return `The ${what} at ${url} has not answered since ${isoTime(since)} (${age(since, now)}).`
  })
}

/** @param now ms since 1970 */
export function describeLastKnown(known: LooksTogether | null, now: number): string[] {
  if (known === null) return []
  const { repos, oldest, newest, counts } = known
  const findings = Object.entries(known.findings).map(([kind, n]) => `${n} ${kind}`)
  const when = oldest === newest ? age(oldest, now) : `${age(oldest, now)} to ${age(newest, now)}`
  return [
    `Last known of ${repos} of these, read ${when}: ${counted(counts.moods, 'mood')}, ${counted(counts.records, 'record')}, ${counts.synced + counts.legacy} in step, ` +
      (findings.length === 0 ? 'nothing found.' : `found: ${findings.join(', ')}.`),
  ]
}

/** For programs. */
export function silentDocument(silent: readonly SilentHost[]) {
  return silent.map(({ since, ...host }) => ({ ...host, since: isoTime(since) }))
}

/** For programs. */
export function lastKnownDocument(known: LooksTogether | null) {
  return known && { ...known, oldest: isoTime(known.oldest), newest: isoTime(known.newest) }
}
