/** The continuous check of many repos, by the list of a host that stands in for a PDS. */

import { describe, expect, it } from 'vitest'
import { newAccount, opened } from '../../src/domain/account.ts'
import { NO_COUNTS } from '../../src/domain/audit-counts.ts'
import { Events } from '../../src/observe/events.ts'
import { Proving } from '../../src/operate/proving.ts'
import { recordedLog } from '../support/events.ts'
import { Gateway } from '../support/gateway.ts'
import { createSite } from '../support/site.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const LISTS = 'com.atproto.sync.listRepos'
const CID = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const never = new AbortController().signal

describe('a thousand repos in which nothing has changed', () => {
  it('are proven again by the pages of their host’s list, and by nothing else', async () => {
    await using unused = await createSite({ PDS_RATE_LIMITS: 'off' })
    const { store } = unused.app
    const rev = '3kaaaaaaaaa2a'
    const dids = Array.from(
      { length: 1_000 },
      (_, i) =>
        `did:plc:${i
          .toString(4)
          .padStart(5, '0')
          .replaceAll(/\d/g, (digit) => 'abcd'[Number(digit)]!)}${'a'.repeat(19)}`,
    )
    const repos = dids.map((did) => ({ did, head: CID, rev, active: true }))
    const requests: string[] = []
    await using host = await Gateway.start(unused.realPds, ({ url, method }, outgoing) => {
      requests.push(method)
      const body = url.includes('cursor') ? { repos: [] } : { repos, cursor: 'next' }
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    const at = unused.now()
    const proof = (did: string) => ({ did, rev, commit: CID, records: 0, at, seenAt: at })
    await Promise.all(
      repos.map(async ({ did }, i) => {
        await store.accounts.claimHandle(`u${i}`, `h${i}`)
        await store.accounts.add(opened(newAccount(`u${i}`, `h${i}`), did, host.url, 'sealed'))
        const look = { kind: 'good', at, rev, counts: NO_COUNTS, findings: {}, proof: proof(did) } as const
        await store.audits.note(`u${i}`, look)
      }),
    )
    const everyMs = DAY
    const { client } = unused.app
    const deps = {
      store,
      client,
      clock: unused,
      timer: unused.timer,
      events: new Events(recordedLog().log),
      owner: 'w',
    }
    const proving = new Proving({ ...deps, everyMs, autoRepair: 'off' })
    unused.forward(20 * HOUR)
    await proving.look(never)
    expect(requests).toEqual([LISTS, LISTS])
    const looks = await store.audits.of(repos.map((_, i) => `u${i}`))
    expect([...looks.values()].filter(({ good }) => good?.proof?.seenAt === unused.now())).toHaveLength(repos.length)
    await proving.run(AbortSignal.abort())
  })
})
