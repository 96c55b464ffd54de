import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReportFile, type RunReport } from './report-file.ts'

/** A run over ten users, which has not reached those of the last argument. */
function run(counts: Partial<RunReport['overall']>, unreached = 0, users = 10): RunReport {
  const overall = { migrated: 90, already: 10, failed: 0, notReached: 0, ...counts }
  return {
    complete: overall.notReached === 0,
    overall,
    users: Array.from({ length: users }, (_, i) => ({ notReached: i < unreached ? 1 : 0 })),
  }
}

const complete = run({})
const failed = run({ migrated: 87, failed: 3 })
const incomplete = run({ migrated: 50, notReached: 40 }, 4)

describe('the file of a report', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'moods-report-'))
    path = join(folder, 'report.json')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const write = (report: RunReport): string => new ReportFile(path).write(report)
  const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))

  it('a better run, or one as good, takes the place of the one before', () => {
    const better = [run({ migrated: 20, notReached: 70 }, 4), incomplete, run({ migrated: 45, notReached: 45 }, 3)]
    const runs = [...better, failed, run({ migrated: 88, failed: 2 }), complete, run({ migrated: 0, already: 99 })]
    for (const report of runs) {
      expect(write(report)).toBe(path)
      expect(read(path)).toEqual(report)
    }
    expect(readdirSync(folder)).toEqual(['report.json'])
  })

  it('the report of a worse run is written beside the better one, which stays', () => {
    write(complete)
    expect(write(incomplete)).toBe(join(folder, 'report.incomplete.json'))
    expect(write(failed)).toBe(join(folder, 'report.failed.json'))
    expect(read(path)).toEqual(complete)
    expect(read(join(folder, 'report.incomplete.json'))).toEqual(incomplete)
    expect(read(join(folder, 'report.failed.json'))).toEqual(failed)
    expect(write(complete)).toBe(path)
  })

  it('a run that left an incomplete report does not keep a later one out', () => {
    write(failed)
    write(incomplete)
    expect(read(path)).toEqual(failed)
    write(complete)
    expect(read(path)).toEqual(complete)
  })

  it('of two runs that were cut short, the report of the one that came to more stays, and so does each one beside it', () => {
    const less = run({ migrated: 30, notReached: 60 }, 6)
    const least = run({ migrated: 10, notReached: 80 }, 8)
    const cut = { ...run({ migrated: 40 }, 0, 5), complete: false }
    write(incomplete)
    expect(write(less)).toBe(join(folder, 'report.incomplete.json'))
    expect(write(least)).toBe(join(folder, 'report.incomplete-2.json'))
    expect(write(cut)).toBe(join(folder, 'report.incomplete.json'))
    expect(read(path)).toEqual(incomplete)
    expect(read(join(folder, 'report.incomplete-2.json'))).toEqual(least)
  })

  it('a run over fewer users, though it came to its end, does not take the place of one over all', () => {
    write(failed)
    expect(write(run({ migrated: 18, already: 0 }, 0, 1))).toBe(join(folder, 'report.complete.json'))
    expect(read(path)).toEqual(failed)
  })

  it.each(['{"complete": tr', '{"complete": true}', '[]', 'null', 'a shopping list'])(
    'what is no report (%s) stays: the command is refused, and a report that was in time goes beside it',
    (text) => {
      const early = new ReportFile(path)
      writeFileSync(path, text)
      expect(() => new ReportFile(path)).toThrow(/is no report of a backfill: it stays/)
      expect(early.write(complete)).toBe(join(folder, 'report.complete.json'))
      expect(readFileSync(path, 'utf8')).toBe(text)
    },
  )

  it('an empty file is written to', () => {
    writeFileSync(path, '')
    expect(write(incomplete)).toBe(path)
  })

  it('looking whether it can be written leaves nothing, and changes nothing', () => {
    expect(new ReportFile(path).path).toBe(path)
    expect(readdirSync(folder)).toEqual([])
    write(complete)
    expect(new ReportFile(path).path).toBe(path)
    expect(read(path)).toEqual(complete)
  })

  it('a place where nothing can be written is refused beforehand', () => {
    expect(() => new ReportFile(join(folder, 'no', 'such', 'folder'))).toThrow(/cannot be written/)
    mkdirSync(join(folder, 'folder'))
    expect(() => new ReportFile(join(folder, 'folder'))).toThrow(/cannot be written/)
  })

  it('what is no file at all is written to as it is', () => {
    expect(new ReportFile('/dev/null').write(complete)).toBe('/dev/null')
  })
})
