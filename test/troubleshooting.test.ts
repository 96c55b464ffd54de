/** The guide for when something is wrong has a line for all that `moods status` can say. */

import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { refusalRemedy } from '../src/domain/account-reasons.ts'
import { MOVED } from '../src/domain/moved.ts'
import { NOTICE_CODES } from '../src/domain/notice.ts'
import { REPO_FAULTS } from '../src/domain/repo-faults.ts'
import { INVALID_RECORD } from '../src/domain/sync.ts'
import { KNOWN_ERRORS } from '../src/pds/known-errors.ts'

const guide = readFileSync('docs/guides/troubleshooting.md', 'utf8')

/** The first cells of the table below a heading, each without its marks. */
function firstCells(heading: string): string[] {
  const section = guide.split(/^## /m).find((part) => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`the guide has no section ${heading}`)
  return [...section.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!),
  )
}

/** Names by what they are about. */
function knownOf(...abouts: readonly string[]): string[] {
  return Object.entries(KNOWN_ERRORS).flatMap(([name, { about }]) => (abouts.includes(about) ? [name] : []))
}

/** Refusals of a reading, or of what a relay was asked, which neither refuse a mood nor an account. */
const OF_READINGS = ['RecordNotFound', 'BlockNotFound', 'HandleNotFound', 'HostNotFound', 'HostBanned']
const OF_RECORDS = [INVALID_RECORD, 'InvalidRequest', 'PayloadTooLarge', 'PayloadTooLargeError']
/** Of the errors that speak of a token, the one that a login may get. */
const WRONG_PASSWORD = 'AuthenticationRequired'
/** What we find out ourselves. */
const OURS = [MOVED, 'AccountInactive', 'NoPassword', 'Unsealable', 'NoHandleDomain']

describe('the guide to troubles', () => {
  it('has a line for each notice, and for no other', () => {
    expect(firstCells('Notices').toSorted()).toEqual(NOTICE_CODES.toSorted())
  })

  it('has a line for each code by which an account is refused', () => {
    const refusals = knownOf('request').filter((name) => ![...OF_READINGS, ...OF_RECORDS].includes(name))
    const codes = [...knownOf('account'), WRONG_PASSWORD, ...refusals, ...OURS]
    expect(firstCells('Accounts that need attention').toSorted()).toEqual(codes.toSorted())
    for (const code of codes)
      expect(refusalRemedy({ did: 'did:plc:x', error: { code, message: '', at: 0 } })).not.toBe('')
  })

  it('has a line for each code by which a mood is rejected', () => {
    expect(firstCells('Moods that were rejected').toSorted()).toEqual(OF_RECORDS.toSorted())
  })

  it('has a line for each fault of a repository', () => {
    expect(firstCells('Repositories that cannot be read').toSorted()).toEqual(Object.keys(REPO_FAULTS).toSorted())
  })

  it('has a line for each way in which an answer is none', () => {
    const said = firstCells('What a PDS answered with')
    const written = globSync('src/pds/**/*.ts').flatMap((file) => {
      return [...readFileSync(file, 'utf8').matchAll(/new OddAnswer\(\s*'[^']+',\s*'([^']+)'/g)].map(
        ([, words]) => words!,
      )
    })
    expect(written).not.toEqual([])
    expect(said).toEqual(expect.arrayContaining(written))
  })
})
