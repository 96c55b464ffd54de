/** Both stores at a thousand moods and at a million: a page of the feed, the claim of a repo, and posts over HTTP. */

import { readConfig } from '../src/config.ts'
import { objectId } from '../src/domain/mood.ts'
import { published } from '../src/domain/sync.ts'
import type { Store } from '../src/ports/store.ts'
import { openStore } from '../src/store/open.ts'
import { environment, temporaryFolder } from '../test/support/installation.ts'
import { aMood, NOW } from '../test/support/moods.ts'
import { postThroughput } from './http.ts'
import { withStores } from './each-store.ts'
import { quantile, type Row, row } from './rows.ts'

const SMALL = 1_000
const LARGE = 1_000_000
const ROUNDS = 400
const PAGE = 2_000
const LATER = NOW + 3_600_000
const calm = { until: 0, destructive: false }

/** Three tenths of the moods are due in one leased repo; a repo for each ten moods is in back-off. */
async function fill(store: Store, moods: number): Promise<void> {
  const due = moods * 0.3
  for (let at = 0; at < moods; at += PAGE) {
    const items = Array.from({ length: Math.min(PAGE, moods - at) }, (_, k) => {
      const i = at + k
      const user = i < due ? 'backlog' : `user-${i % (moods / 100)}`
      const mood = aMood({
        id: objectId(NOW + i, 'dddddddddd', i),
        user,
        ordinal: i + 1,
        when: NOW + i,
        text: `mood ${i}`,
      })
      if (i < due) return { mood, changedAt: mood.when }
      return {
        mood: { ...mood, sync: published(mood.sync, `at://did/x/${i}`, 'cid', { at: mood.when, direct: true }) },
        changedAt: mood.when,
      }
    })
    await store.archive.put('moods', items)
    if (at % 200_000 === 0 && at > 0) console.log(`  ${at} of ${moods} moods stored`)
  }
  const rest = { dueSetAt: NOW, marks: 1, uncertain: false, quarantine: calm, lease: null }
  for (let at = 0; at < moods / 10; at += PAGE) {
    const length = Math.min(PAGE, moods / 10 - at)
    const waiting = Array.from({ length }, (_, k) => ({
      ...rest,
      user: `waiting-${at + k}`,
      dueAt: LATER,
      failures: 3,
    }))
    await store.archive.put('repos', waiting)
  }
  const lease = { token: 't', owner: 'w', until: LATER }
  await store.archive.put('repos', [{ ...rest, user: 'backlog', dueAt: NOW, failures: 0, lease }])
}

/** Milliseconds at the median. */
async function time(work: (i: number) => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let i = -50; i < ROUNDS; i++) {
    const started = performance.now()
    await work(i)
    if (i >= 0) times.push(performance.now() - started)
  }
  return quantile(times, 0.5)
}

interface Measured {
  readonly feed: number
  readonly claim: number
  readonly posts: number
}

async function measure(name: string, moods: number): Promise<Measured> {
  await using folder = await temporaryFolder()
  let [feed, claim] = [0, 0]
  {
    await using store = await openStore(readConfig(environment(folder.path), { serves: false }).store, '')
    await fill(store, moods)
    feed = await time(async (i) => {
      const after = { when: NOW + moods - 1 - ((i * 37 + 5000) % (moods / 2)), id: 'f'.repeat(24) }
      const page = await store.moods.feed({ users: null, viewer: null, limit: 50, after })
      if (page.length !== 50) throw new Error('a page is not full')
    })
    const rest = { dueAt: null, uncertain: false, quarantine: calm, failures: 0 }
    const claims: number[] = []
    for (let i = 0; i < ROUNDS; i++) {
      await store.repos.mark(`ready-${i % 10}`, NOW)
      const started = performance.now()
      const lease = await store.repos.claim('bench', NOW + 1, NOW + 1000, 0)
      claims.push(performance.now() - started)
      if (!lease?.user.startsWith('ready-')) throw new Error('another repo was claimed')
      await store.repos.release(lease, rest, NOW)
    }
    claim = quantile(claims, 0.5)
  }
  const posts = await postThroughput(folder.path)
  console.log(
    `  ${name}, ${moods} moods: feed ${feed.toFixed(2)} ms, claim ${claim.toFixed(2)} ms, ${Math.round(posts)} posts/s`,
  )
  return { feed, claim, posts }
}

/** Rows for each store that can be had here. */
export async function storeRows(): Promise<Row[]> {
  const rows: Row[] = []
  await withStores(async (name) => {
    const small = await measure(name, SMALL)
    const large = await measure(name, LARGE)
    for (const what of ['feed', 'claim'] as const) {
      const ratio = large[what] / small[what]
      const work = `${what === 'feed' ? 'feed page' : 'claim'} at 1,000,000 moods against 1,000, ${name}`
      rows.push(row(work, `${large[what].toFixed(2)} ms`, `${small[what].toFixed(2)} ms`, ratio, '≤ 1.5', ratio <= 1.5))
    }
    const ratio = large.posts / small.posts
    const work = `POST /api/mood at 1,000,000 moods against 1,000, ${name}`
    rows.push(
      row(work, `${Math.round(large.posts)} /s`, `${Math.round(small.posts)} /s`, ratio, '≥ 0.67', ratio >= 0.67),
    )
  })
  return rows
}
