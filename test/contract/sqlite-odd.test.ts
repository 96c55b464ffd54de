/** Every column of every table with everything that SQLite lets in: nothing throws, what is odd is named, and nothing else is. */

import Database from 'better-sqlite3'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newErasure } from '../../src/domain/erasure.ts'
import { isOdd } from '../../src/domain/odd.ts'
import { FEDERATE_ALL, FEDERATE_NONE } from '../../src/domain/policy.ts'
import type { Store } from '../../src/ports/store.ts'
import { openSqlite } from '../../src/store/sqlite/index.ts'
import { temporaryFolder } from '../support/installation.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'
import {
  columnsOf,
  fillWithOdd,
  forced,
  goodRow,
  inserted,
  isGoodRow,
  type Row,
  valuesFor,
  withoutRules,
  rulesOf,
} from '../support/odd-rows.ts'

let cleanup: AsyncDisposableStack
let db: Database.Database
let store: Store

beforeEach(async () => {
  cleanup = new AsyncDisposableStack()
  const folder = cleanup.use(await temporaryFolder())
  const file = join(folder.path, 'moods.sqlite')
  store = cleanup.use(openSqlite(file))
  db = new Database(file)
  cleanup.defer(() => void db.close())
})
afterEach(() => cleanup.disposeAsync())

const HOST = 'requests https://pds50.test'
const never = new AbortController().signal
const nameOf = (key: unknown): string => String(key)
const goodOnes = (table: string, rows: readonly Row[]): Row[] => rows.filter((row) => isGoodRow(table, row))

/** Follows a list from its start to its end, three at a time. */
async function walk<T>(page: (after: T | null, limit: number) => Promise<readonly T[]>): Promise<T[]> {
  const found: T[] = []
  for (;;) {
    const next = await page(found.at(-1) ?? null, 3)
    found.push(...next)
    if (next.length < 3) return found
    if (found.length > 5_000) throw new Error('the list has no end')
  }
}

const KEYS: Readonly<Record<string, string>> = {
  moods: 'id',
  handles: 'user',
  accounts: 'user',
  repos: 'user',
  intents: 'user',
  erasures: 'receipt',
  removals: 'user',
  policy: 'name',
  ledger: 'key',
  audits: 'user',
  sightings: 'user',
  workers: 'id',
}

describe('odd rows', () => {
  it('no table takes what SQL can tell to be wrong, and each takes what its reader can read', () => {
    const rules = rulesOf(db)
    const filled = Object.keys(KEYS).map((table, i) => ({ table, rows: fillWithOdd(db, table, i * 1_000) }))
    db.exec(rules)
    let refused = 0
    for (const { table, rows } of filled) {
      for (const row of rows) {
        db.exec(`DELETE FROM ${table}`)
        // What a reader can read, the table takes.
        const isTaken = inserted(db, table, row)
        if (isGoodRow(table, row)) expect([table, row, isTaken]).toEqual([table, row, true])
        if (!isTaken) refused++
      }
    }
    expect(refused).toBeGreaterThan(300)
  })

  it('a row that is odd may change in other columns, and in none to what is odd', async () => {
    const { id } = (await store.moods.add(unrepeated(aMood()))).mood
    const set = (what: string) => () => db.prepare(`UPDATE moods SET ${what} WHERE id = ?`).run(id)
    expect(set('when_ms = -1')).toThrow(/moods.when_ms may not hold this/)
    const rules = rulesOf(db)
    withoutRules(db)
    set('when_ms = -1')()
    db.exec(rules)
    set(`context = 'other', when_ms = when_ms`)()
    expect(set(`is_private = 5`)).toThrow(/moods.is_private/)
  })

  it('every table is looked at, and what is odd in it is named, whatever it is', async () => {
    const collections = (await store.data.collections()).map(({ name }) => name)
    expect(collections.toSorted()).toEqual(Object.keys(KEYS).toSorted())
    for (const table of collections) {
      const rows = fillWithOdd(db, table)
      const [named, seen] = [new Map<string, string>(), [] as number[]]
      for await (const piece of store.data.scan(table, never)) {
        seen.push(piece.documents)
        for (const odd of piece.odd) {
          named.set(odd.id, odd.field)
          expect([odd.mendable, odd.mending]).toEqual([false, null])
        }
      }
      expect([table, seen.reduce((sum, n) => sum + n, 0)]).toEqual([table, rows.length])
      for (const row of rows) {
        const key = nameOf(row[KEYS[table]!])
        expect([table, row, named.has(key)]).toEqual([table, row, !isGoodRow(table, row)])
      }
    }
  })

  it('every list of moods has the good ones, once each, and in full pages', async () => {
    const rows = fillWithOdd(db, 'moods')
    const good = goodOnes('moods', rows)
    expect(good.length).toBeGreaterThan(100)
    expect(rows.length - good.length).toBeGreaterThan(100)
    const ids = (those: readonly Row[]): string[] => those.map(({ id }) => String(id)).toSorted()
    const shown = good.filter((row) => row['deleted'] === 0 && row['is_private'] === 0)
    const feed = await walk<{ when: number; id: string }>((after, limit) =>
      store.moods.feed({ users: null, viewer: null, limit, after }),
    )
    expect(feed.map(({ id }) => id).toSorted()).toEqual(ids(shown))
    const changes = await walk<{ position: { changedAt: number; id: string } }>((after, limit) =>
      store.moods.changes(after?.position ?? { changedAt: -1, id: '' }, limit),
    )
    expect(changes.map(({ position }) => position.id).toSorted()).toEqual(ids(good))
    const copied = await walk<{ key: string }>((after, limit) => store.archive.page('moods', after?.key ?? '', limit))
    expect(copied.map(({ key }) => key).toSorted()).toEqual(ids(good))
    const authors = await walk<string>((after, limit) => store.moods.authors(after ?? '', limit))
    expect(authors).toEqual([...new Set(authors)])
    for (const { id, user } of rows) {
      const isGood = good.some((row) => row['id'] === id)
      if (typeof id !== 'string' || typeof user !== 'string') continue
      expect([id, (await store.moods.byId(id)) !== null]).toEqual([id, isGood])
      await store.moods.changedAt(id)
      expect((await store.moods.history(user, null, 5)).map((mood) => mood.id)).toEqual(isGood ? [id] : [])
      expect((await store.odd.of(user)).map((odd) => odd.id)).toEqual(isGood ? [] : [id])
      expect(authors.includes(user)).toBe(user !== '')
    }
    const counts = await store.work.count()
    expect(counts.states.local).toBeGreaterThan(100)
  })

  it('whoever has odd moods posts, is worked for, and is erased with all of them', async () => {
    const user = 'u1'
    for (const [n, { name, type }] of columnsOf(db, 'moods').entries()) {
      for (const [i, value] of valuesFor(type).entries()) {
        const keys = { user, ordinal: n * 100 + i + 1, state: 'pending', due_at: NOW }
        forced(db, 'moods', { ...goodRow('moods', n * 100 + i), ...keys, [name]: value })
      }
    }
    const before = await store.moods.lastOrdinal(user)
    const texts = ['one', 'two', 'three']
    for (const text of texts) await store.moods.add(unrepeated(aMood({ user, text })))
    expect(await store.moods.lastOrdinal(user)).toBe(before + 3)
    const due = await store.work.due(user, Number.MAX_SAFE_INTEGER, 10_000)
    expect(due.map(({ text }) => text)).toEqual(expect.arrayContaining(texts))
    expect(await store.work.nextDue(user)).not.toBeNull()
    const pending = await store.work.oldestPending(1_000)
    expect(pending.filter((mood) => mood.user === user).length).toBe(due.length)
    await store.work.held(user, 'kept', '', 10)
    await store.work.rejected('X', '', 10)
    for (const which of ['undeleted', 'nuked'] as const) await store.moods.ofUser(user, which, 9_999, null, 10)
    expect(await store.repos.sweep('', 2, NOW)).not.toBeUndefined()
    while ((await store.moods.purge(user, 100)) > 0);
    expect(await store.odd.of(user)).toEqual([])
  })

  it('no odd row of the engine stands in the way of another, and what can be made again is', async () => {
    const accounts = fillWithOdd(db, 'accounts')
    fillWithOdd(db, 'handles')
    const repos = fillWithOdd(db, 'repos', 2_000)
    fillWithOdd(db, 'removals', 3_000)
    fillWithOdd(db, 'audits', 4_000)
    fillWithOdd(db, 'ledger')
    forced(db, 'ledger', goodRow('ledger', 999))
    fillWithOdd(db, 'workers')
    for (const { user, ...row } of accounts) {
      if (typeof user !== 'string' || user === '') continue
      const account = (await store.accounts.byUser(user))!
      const isGood = isGoodRow('accounts', { user, ...row })
      expect([row, account.state === 'odd']).toEqual([row, !isGood])
      if (!isGood) expect(await store.accounts.save(account)).toBeNull()
      await store.accounts.handlesOf([user])
    }
    await store.accounts.count()
    await walk<{ user: string }>((after, limit) => store.accounts.needingAttention(null, after?.user ?? '', limit))
    for (let after: string | null = ''; after !== null;) after = await store.repos.sweep(after, 3, NOW)
    const owners = new Set<string>()
    for (;;) {
      const lease = await store.repos.claim('w', NOW, NOW + 30_000, 1_000)
      if (!lease) break
      expect(owners.has(lease.user)).toBe(false)
      owners.add(lease.user)
      await store.repos.renew(lease, NOW + 30_000)
    }
    for (const row of repos.filter(({ user }) => typeof user === 'string' && user !== '')) {
      // A count of marks that has no next one is made again by the second.
      for (let i = 0; i < 2; i++) await store.repos.mark(String(row['user']), NOW)
      expect([row, await store.repos.get(String(row['user']))]).not.toEqual([row, null])
    }
    for (const { user } of await store.audits.page('', 10_000))
      await store.audits.note(user, { kind: 'failed', at: NOW, code: 'X' })
    await store.audits.note('u004001', { kind: 'failed', at: NOW, code: 'X' })
    expect((await store.audits.of(['u004001'])).size).toBe(1)
    expect((await store.ledger.failing(10_000)).length).toBeGreaterThan(0)
    expect(await store.ledger.get(HOST)).toBeNull()
    await store.ledger.block(HOST, NOW)
    expect(await store.ledger.get(HOST)).toMatchObject({ blockedUntil: NOW })
    expect((await store.workers.all()).length).toBeGreaterThan(0)
  })

  it('an intent or an erasure that cannot be read is not applied, and stops no other', async () => {
    const intents = fillWithOdd(db, 'intents')
    for (const row of intents) {
      const user = row['user']
      if (typeof user !== 'string' || user === '') continue
      const isGood = isGoodRow('intents', row)
      const stored = (await store.intents.get(user))!
      expect([row, isOdd(stored)]).toEqual([row, !isGood])
      const wanted = { user, kind: 'restore', records: 'withdraw', through: 9 } as const
      expect(await store.intents.begin(wanted)).toEqual(isGood ? stored : wanted)
    }
    const erasures = fillWithOdd(db, 'erasures')
    const unfinished = erasures.filter(({ user }) => user !== null)
    const open = await walk<{ requestedAt: number; receipt: string }>((after, limit) =>
      store.erasures.open(after, limit),
    )
    expect(open.map(({ receipt }) => receipt).toSorted()).toEqual(
      goodOnes('erasures', unfinished)
        .map(({ receipt }) => String(receipt))
        .toSorted(),
    )
    expect((await store.erasures.odd(10_000)).length).toBe(unfinished.length - open.length)
    for (const row of unfinished) {
      const user = row['user']
      if (typeof user !== 'string') continue
      const again = store.erasures.begin(newErasure(`again-${user}`, user, 't', NOW))
      if (isGoodRow('erasures', row)) expect((await again).receipt).toBe(row['receipt'])
      else await expect(again).rejects.toMatchObject({ code: 'being_erased' })
    }
  })

  it('with a policy that cannot be read federation is off, and another one can be set', async () => {
    for (const { name, type } of columnsOf(db, 'policy').filter((column) => column.name !== 'name')) {
      for (const value of valuesFor(type)) {
        db.exec('DELETE FROM policy')
        const row = { ...goodRow('policy', 1), [name]: value }
        if (!forced(db, 'policy', row)) continue
        const stored = (await store.policy.get())!
        expect([row, stored.odd === undefined]).toEqual([row, isGoodRow('policy', row)])
        if (!stored.odd) continue
        expect(stored.policy).toEqual(FEDERATE_NONE)
        const next = { ...stored, policy: FEDERATE_ALL, by: 'operator', at: NOW, reason: null }
        expect(await store.policy.save(next)).not.toBeNull()
        expect((await store.policy.get())?.policy).toEqual(FEDERATE_ALL)
      }
    }
  })
})
