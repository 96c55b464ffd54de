/** What operators are told of clocks that differ. */

import { type ClockOff, clockOff, type ClockOffsets, FOLLOW_MS } from './clocks.ts'
import type { Notice } from './notice.ts'
import { spell } from './spell.ts'

type Machine = readonly [host: string, off: ClockOff]

/**
 * @param machines how far other clocks are ahead of that of each machine, by the names of the machines
 * @returns null where all that is known agrees
 */
export function clockOffNotice(machines: ReadonlyMap<string, ClockOffsets>): Notice | null {
  const found = [...machines].flatMap(([host, offsets]): Machine[] => {
    const off = clockOff(offsets)
    return off ? [[host, off]] : []
  })
  const most = found.toSorted(([, a], [, b]) => Math.abs(b.aheadMs) - Math.abs(a.aheadMs))[0]
  if (most === undefined) return null
  // What one machine has for sure, another one that knows less may be in doubt about.
  const [, off] =
    found.find(([, { which }]) => which === 'own') ?? found.find(([, { which }]) => which !== 'unknown') ?? most
  return {
    code: 'clock_off',
    level: Math.abs(most[1].aheadMs) > FOLLOW_MS ? 'problem' : 'warning',
    since: null,
    text: clockText(off, machines.size),
    detail: found.map(([host, each]) => `${host}: ${ownText(each)}`).join('; '),
    remedy: CLOCK_REMEDY[off.which],
  }
}

/** What sets right a clock that is off. */
export const CLOCK_REMEDY: Readonly<Record<ClockOff['which'], string>> = {
  own: 'Have that machine keep its clock by NTP. While it is more than a minute off, its processes go by the clock of the database, if that is on another machine.',
  store: 'Have the machine of the database keep its clock by NTP.',
  pds: 'Have the machine of the PDS keep its clock by NTP. If it is not yours, tell whoever runs it.',
  unknown: 'Compare both clocks with a third one, and have both machines keep theirs by NTP.',
}

/** The same in words, of no machine by its name. @param machines how many compare their clocks */
export function clockText(off: ClockOff, machines: number): string {
  const { which, aheadMs } = off
  switch (which) {
    case 'own':
      return `the clock of ${machines === 1 ? 'the machine' : `one of ${machines} machines`} is ${by(aheadMs)}: the database and the PDS agree on another time`
    case 'store':
      return `the clock of the database is ${by(aheadMs)}: the PDS and the processes agree on another time`
    case 'pds':
      return `the clock of the PDS is ${by(aheadMs)}: the database and the processes agree on another time`
    case 'unknown':
      return `the clocks of a process and of ${NAMES[off.other]} differ by ${about(aheadMs)}, and there is no third one that tells which is off`
  }
}

const NAMES = { store: 'the database', pds: 'the PDS' } as const

function ownText(off: ClockOff): string {
  const { which, aheadMs } = off
  if (which === 'own') return by(aheadMs)
  return which === 'unknown'
    ? `${by(aheadMs)}${aheadMs > 0 ? ' of' : ''} ${NAMES[off.other]}`
    : `${NAMES[which]} is ${by(aheadMs)}`
}

function by(aheadMs: number): string {
  return `${about(aheadMs)} ${aheadMs > 0 ? 'ahead' : 'behind'}`
}

/** What was measured is right to a second or so: two hours are not to read as 119 minutes. */
function about(ms: number): string {
  const unit = Math.abs(ms) < 120_000 ? 1_000 : 60_000
  return spell(Math.round(Math.abs(ms) / unit) * unit)
}
