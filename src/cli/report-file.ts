/** The file that a run leaves its report in. A run that came to less does not take the place of one that came to more. */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, format, parse } from 'node:path'
import { DomainError } from '../domain/errors.ts'

/** How a run ended, the worst first. */
const ENDS = ['incomplete', 'failed', 'complete'] as const

/** As much of a report as tells what its run came to. */
export interface RunReport {
  readonly complete: boolean
  readonly overall: Readonly<Record<(typeof TOLD)[number], number>>
  readonly users: readonly { readonly notReached: number }[]
}

const TOLD = ['migrated', 'already', 'failed', 'notReached'] as const

export class ReportFile {
  /** The file itself, where a link leads to it. */
  readonly path: string

  /**
   * Checked before anything is done: afterwards it would be too late.
   *
   * @throws DomainError `usage` when nothing can be written there, or when what is there is no report
   */
  constructor(path: string) {
    this.path = existsSync(path) ? realpathSync(path) : path
    if (!isOther(this.path) && reportIn(this.path) === 'foreign') {
      const message = `${path} is there already and is no report of a backfill: it stays. Name another file with --report`
      throw new DomainError('usage', message)
    }
    try {
      if (isOther(this.path)) closeSync(openSync(this.path, 'a'))
      else rmSync(writeAside(this.path, ''))
    } catch (error) {
      throw new DomainError('usage', `the report ${path} cannot be written (see --report)`, { cause: error })
    }
  }

  /**
   * Writes the report whole or not at all: into the file, or beside it where that holds the report of a better run.
   *
   * @returns where it is
   */
  write(report: RunReport): string {
    const text = `${JSON.stringify(report, null, 2)}\n`
    if (isOther(this.path)) {
      const file = openSync(this.path, 'a')
      writeSync(file, text)
      closeSync(file)
      return this.path
    }
    const path = placeFor(report, this.path)
    renameSync(writeAside(path, text), path)
    return path
  }
}

/** Whether there is something else than a file, such as a pipe. */
function isOther(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === false
}

/** Writes a file next to the one that it will become. @returns its path */
function writeAside(path: string, text: string): string {
  const aside = `${path}.${process.pid}.tmp`
  const file = openSync(aside, 'w')
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return aside
}

function endOf({ complete, overall }: RunReport): (typeof ENDS)[number] {
  if (!complete) return 'incomplete'
  return overall.failed > 0 ? 'failed' : 'complete'
}

/** The file itself, or the first one beside it that may be overwritten. */
function placeFor(report: RunReport, path: string): string {
  let place = path
  for (const next of beside(path, endOf(report))) {
    if (mayTake(report, reportIn(place))) break
    place = next
  }
  return place
}

/** Whether a report may take the place of what is there: of nothing, or of a report that is no better. */
function mayTake(report: RunReport, there: RunReport | 'foreign' | null): boolean {
  return there === null || (there !== 'foreign' && !isBetter(there, report))
}

/** Whether one run came to more than another one. */
function isBetter(one: RunReport, other: RunReport): boolean {
  const differences = merits(one).map((merit, i) => merit - merits(other)[i]!)
  return (differences.find((difference) => difference !== 0) ?? 0) > 0
}

/**
 * What a run came to, what weighs most first; more is better. Moods that are done count only where some are left: a complete run
 * over the same users comes to fewer when these have deleted some.
 */
function merits(report: RunReport): readonly number[] {
  const { migrated, already, failed, notReached } = report.overall
  const end = endOf(report)
  return [
    report.users.filter((user) => user.notReached === 0).length,
    ENDS.indexOf(end),
    -(failed + notReached),
    end === 'complete' ? 0 : migrated + already,
  ]
}

/** The report in a file; null where there is no file, or nothing in it; `foreign` for anything else. */
function reportIn(path: string): RunReport | 'foreign' | null {
  if (!existsSync(path)) return null
  try {
    const text = readFileSync(path, 'utf8')
    if (text === '') return null
    const value: unknown = JSON.parse(text)
    return isReport(value) ? value : 'foreign'
  } catch {
    return 'foreign'
  }
}

function isReport(value: unknown): value is RunReport {
  const { complete, overall, users } = (value ?? {}) as Partial<Record<keyof RunReport, unknown>>
  const counts = (overall ?? {}) as Partial<RunReport['overall']>
  return typeof complete === 'boolean' && TOLD.every((name) => Number.isInteger(counts[name])) && Array.isArray(users)
}

/** `report.json` becomes `report.incomplete.json`; then `report.incomplete-2.json`, and so on. */
function* beside(path: string, end: string): Generator<string, never> {
  const { name, ext } = parse(path)
  for (let i = 1; ; i++) yield format({ dir: dirname(path), name: `${name}.${end}${i === 1 ? '' : `-${i}`}`, ext })
}
