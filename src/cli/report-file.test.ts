import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReportFile } from './report-file.ts'

const complete = { complete: true, overall: { failed: 0 } }
const failed = { complete: true, overall: { failed: 3 } }
const incomplete = { complete: false, overall: { failed: 0 } }

describe('the file of a report', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'moods-report-'))
    path = join(folder, 'report.json')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const write = (report: typeof complete): string => new ReportFile(path).write(report)
  const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))

  it('a better run, or one as good, takes the place of the one before', () => {
    for (const report of [incomplete, { ...incomplete, overall: { failed: 1 } }, failed, complete, complete]) {
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

  it('what is no report, as a crash may have left it, is replaced', () => {
    writeFileSync(path, '{"complete": tr')
    expect(write(incomplete)).toBe(path)
    expect(read(path)).toEqual(incomplete)
  })

  it('looking whether it can be written leaves nothing, and changes nothing', () => {
    expect(new ReportFile(path).path).toBe(path)
    expect(readdirSync(folder)).toEqual([])
    writeFileSync(path, 'as it was')
    expect(new ReportFile(path).path).toBe(path)
    expect(readFileSync(path, 'utf8')).toBe('as it was')
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
