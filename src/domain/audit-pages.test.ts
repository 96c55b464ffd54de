import { createHash } from 'node:crypto'
import { fromString } from '@atcute/cid'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { casesOf } from '../../test/support/cases.ts'
import { type History, histories } from '../../test/support/histories.ts'
import { aMood } from '../../test/support/moods.ts'
import { account, audit, settle, type World } from '../../test/support/worlds.ts'
import { Comparison } from '../pds/repo/comparison.ts'
import { Share } from '../pds/repo/share.ts'
import { SortedRecords } from '../pds/repo/sorted-records.ts'
import { type RepoAudit } from './audit.ts'
import { addedCounts, NO_COUNTS } from './audit-counts.ts'
import { AuditPage, PartAudit, type Standing } from './audit-pages.ts'
import { chunks } from './chunks.ts'
import { ExpectedRecords } from './expected.ts'
import { FEDERATE_ALL, FEDERATE_NONE, type FederationPolicy } from './policy.ts'
import { isRecordCid } from './record-cid.ts'
import { SeenVersions } from './seen-versions.ts'

const HISTORIES = casesOf('HISTORIES', 2_000)

interface How {
  readonly policy: FederationPolicy
  readonly modernise: boolean
  /** Moods of a page. */
  readonly page: number
}

const hows = fc.record({
  policy: fc.constantFrom(FEDERATE_ALL, FEDERATE_NONE),
  modernise: fc.boolean(),
  page: fc.integer({ min: 1, max: 5 }),
})

const digestOf = (cid: string): Buffer =>
  isRecordCid(cid) ? Buffer.from(fromString(cid).digest.contents) : createHash('sha256').update(cid).digest()

/** Page by page, as an audit does it. */
async function byPages({ before, after, odd, records, removing }: History, { page, ...how }: How) {
  const standing: Standing = { account, removing, ...how }
  const [expected, versions] = [new ExpectedRecords(), new SeenVersions()]
  let [counts, isSettled] = [NO_COUNTS, true]
  for (const moods of chunks(before, page)) {
    const one = new AuditPage(moods, standing)
    for (const [rkey, record] of one.expected) expected.add(rkey, record)
    for (const mood of moods) versions.add(mood)
    counts = addedCounts(counts, one.countsOf(moods))
    isSettled &&= moods.every((mood) => one.isSettled(mood))
  }
  const comparison = new Comparison(await SortedRecords.of(expected, new Share(new AbortController().signal)))
  for (const [rkey, record] of [...records].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    comparison.see(rkey, digestOf(record.cid), () => record)
  }
  comparison.end()
  const part = new PartAudit(standing, comparison)
  for (const moods of chunks(after, page)) part.add(new AuditPage(moods, standing), (mood) => !versions.has(mood))
  const isClean = comparison.records.size === 0 && comparison.missing.size === 0 && isSettled && odd.length === 0
  return { ...part.result(odd), counts1: isClean ? { ...counts, records: records.size } : null, comparison }
}

function atOnce({ before, after, odd, records, removing }: History, { policy, modernise }: How): RepoAudit {
  const versions = new Map(before.map(({ id, version }) => [id, version]))
  const moving = new Set(after.filter(({ id, version }) => versions.get(id) !== version).map(({ id }) => id))
  const world: World = {
    moods: new Map(after.map((mood) => [mood.id, mood])),
    records: new Map([...records].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
  return audit(world, { odd, removing, moving, policy, modernise })
}

describe('an audit page by page', () => {
  it(`finds and counts what one of all at once does, in ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const seen = { clean: 0, withFindings: 0 }
    await fc.assert(
      fc.asyncProperty(histories, hows, async (history, how) => {
        const { isWhole, counts1, comparison: _, ...found } = await byPages(history, how)
        const whole = atOnce(history, how)
        expect(found).toEqual(whole)
        expect(isWhole).toBe(true)
        if (whole.findings.length > 0) seen.withFindings++
        if (counts1 === null) return
        seen.clean++
        expect({ findings: [], backlog: [], counts: counts1 }).toEqual(
          atOnce({ ...history, after: history.before }, how),
        )
      }),
      { numRuns: HISTORIES },
    )
    expect(seen.clean).toBeGreaterThan(HISTORIES / 50)
    expect(seen.withFindings).toBeGreaterThan(HISTORIES / 10)
  })

  it('says that it has not seen everything where a row has gone meanwhile, and finds nothing in its record', async () => {
    const world: World = { moods: new Map(), records: new Map() }
    const moods = [settle(world, aMood()), settle(world, aMood())]
    const history = {
      before: moods,
      after: moods.slice(1),
      odd: [],
      records: world.records,
      removing: new Set<string>(),
    }
    const how = { policy: FEDERATE_ALL, modernise: false, page: 1 }
    expect(await byPages({ ...history, after: moods }, how)).toMatchObject({ findings: [], isWhole: true })
    expect(await byPages(history, how)).toMatchObject({
      findings: [],
      isWhole: false,
      counts: { moods: 1, records: 2 },
    })
  })
})
