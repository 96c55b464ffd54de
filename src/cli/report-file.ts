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
const RANKS = ['incomplete', 'failed', 'complete'] as const

/** As much of a report as tells how its run ended. */
export interface RunReport {
  readonly complete: boolean
  readonly overall: { readonly failed: number }
}

export class ReportFile {
  /** The file itself, where a link leads to it. */
  readonly path: string

  /**
   * Checked before anything is done: afterwards it would be too late.
   *
   * @throws DomainError `usage` when nothing can be written there
   */
  constructor(path: string) {
    this.path = existsSync(path) ? realpathSync(path) : path
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
    const rank = rankOf(report)
    const path = RANKS.indexOf(rank) < RANKS.indexOf(rankIn(this.path)) ? beside(this.path, rank) : this.path
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

function rankOf({ complete, overall }: RunReport): (typeof RANKS)[number] {
  if (!complete) return 'incomplete'
  return overall.failed > 0 ? 'failed' : 'complete'
}

/** How the run ended whose report is in this file; the worst where there is none. */
function rankIn(path: string): (typeof RANKS)[number] {
  try {
    return rankOf(JSON.parse(readFileSync(path, 'utf8')) as RunReport)
  } catch {
    return 'incomplete'
  }
}

/** `report.json` becomes `report.incomplete.json`. */
function beside(path: string, rank: string): string {
  const { name, ext } = parse(path)
  return format({ dir: dirname(path), name: `${name}.${rank}`, ext })
}
