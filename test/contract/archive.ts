/** What every store's archive must do. */

import { expect, it } from 'vitest'
import { newAccount, opened } from '../../src/domain/account.ts'
import { UNUSED } from '../../src/domain/budget.ts'
import { ERASURE_STEPS, finished, newErasure } from '../../src/domain/erasure.ts'
import { published, rejected } from '../../src/domain/sync.ts'
import type { Store } from '../../src/ports/store.ts'
import type { ArchiveItems, ArchiveKind } from '../../src/ports/archive.ts'
import { aMood, FIRST, NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const calm = { until: 0, destructive: false }
const queued = { dueAt: null, dueSetAt: NOW, marks: 1, failures: 0, uncertain: false, quarantine: calm, lease: null }

/** Two of each kind, in the order of their keys, with every field used by one of them. */
function someItems(): { readonly [K in ArchiveKind]: readonly ArchiveItems[K][] } {
  const first = aMood({ id: `${'a'.repeat(23)}1`, intensity: 3, context: 'tea', ordinal: 1 })
  const second = aMood({
    id: `${'a'.repeat(23)}2`,
    ordinal: 2,
    isPrivate: true,
    deleted: { by: 'nuke', records: 'keep' },
  })
  const third = aMood({ id: `${'a'.repeat(23)}3`, ordinal: 3 })
  const begun = newErasure('receipt-2', 'u8', 'tombstone', NOW)
  const done = ERASURE_STEPS.slice(1).reduce((erasure, step) => finished(erasure, step, true, NOW), begun)
  const ready = opened(
    { ...newAccount('u1', 'alice'), pdsHandle: 'alice.test', credentials: { kind: 'sealed', sealed: 's' } },
    'did:plc:a',
    'http://pds',
    's',
  )
  return {
    handles: [
      { user: 'u1', handle: 'alice' },
      { user: 'u2', handle: 'bob' },
    ],
    accounts: [
      { ...ready, version: 4 },
      { ...newAccount('u2', 'bob'), state: 'needs_attention', error: { code: 'X', message: 'why', at: NOW } },
    ],
    moods: [
      { mood: { ...first, version: 3, sync: published(first.sync, 'at://x', 'cid', FIRST) }, changedAt: NOW + 5 },
      { mood: second, changedAt: NOW },
      { mood: { ...third, sync: rejected(third.sync, { code: 'X', message: 'why', at: NOW }) }, changedAt: NOW },
    ],
    intents: [
      { user: 'u1', kind: 'nuke', records: 'keep', through: 7 },
      { user: 'u2', kind: 'restore', records: 'withdraw', through: 1 },
    ],
    erasures: [newErasure('receipt-1', 'u9', 'tombstone', NOW), { ...done, user: null }],
    ledger: [
      { key: 'points a', entry: UNUSED },
      { key: 'requests b', entry: { windows: [{ used: 3, endsAt: NOW }], blockedUntil: NOW, failures: 2 } },
    ],
    removals: [
      {
        user: 'u1',
        removals: [
          { rkey: 'a', cid: 'x' },
          { rkey: 'b', cid: 'y' },
        ],
      },
      { user: 'u2', removals: [{ rkey: 'a', cid: 'z' }] },
    ],
    policy: [
      {
        policy: { mode: 'percent', percent: 12.5, allow: ['alice', 'bob'] },
        by: 'op',
        at: NOW,
        reason: 'why',
        version: 3,
      },
    ],
    repos: [
      { ...queued, user: 'u1', dueAt: NOW, uncertain: true, quarantine: { until: NOW + 9, destructive: true } },
      { ...queued, user: 'u2', failures: 3, marks: 9, lease: { token: 't', owner: 'w', until: NOW } },
    ],
  }
}

export async function fill(store: Store): Promise<void> {
  for (const [kind, items] of Object.entries(someItems())) await store.archive.put(kind as ArchiveKind, items)
}

export function archiveContract(given: Given): void {
  it('an archive gives every kind of item back as it was put, in pages', async () => {
    const { archive } = given.store
    await fill(given.store)
    // Once more over what is there.
    await fill(given.store)
    for (const [name, items] of Object.entries(someItems())) {
      const kind = name as ArchiveKind
      const found: unknown[] = []
      for (let after = ''; ;) {
        const page = await archive.page(kind, after, 1)
        if (!page[0]) break
        found.push(page[0].item)
        after = page[0].key
      }
      expect(found, kind).toEqual(items)
      expect(await archive.count(kind)).toBe(items.length)
    }
  })

  it('an archive puts an item over the one of its key: nothing of the old one stays', async () => {
    const { archive } = given.store
    await fill(given.store)
    const [first, second] = someItems().moods
    const plain = aMood({ id: first!.mood.id, ordinal: 1 })
    await archive.put('moods', [{ mood: plain, changedAt: NOW }])
    await archive.put('accounts', [newAccount('u1', 'alice')])
    await archive.put('removals', [{ user: 'u1', removals: [{ rkey: 'b', cid: 'other' }] }])
    await archive.put('repos', [{ ...queued, user: 'u2' }])
    await archive.put('ledger', [{ key: 'requests b', entry: UNUSED }])
    await archive.put('erasures', [])
    expect((await archive.page('moods', '', 2)).map(({ item }) => item)).toEqual([
      { mood: plain, changedAt: NOW },
      second,
    ])
    expect((await archive.page('accounts', '', 1))[0]?.item).toEqual(newAccount('u1', 'alice'))
    expect((await archive.page('removals', '', 1))[0]?.item).toEqual({
      user: 'u1',
      removals: [{ rkey: 'b', cid: 'other' }],
    })
    expect((await archive.page('repos', 'u1', 1))[0]?.item).toEqual({ ...queued, user: 'u2' })
    expect((await archive.page('ledger', 'points a', 9)).map(({ item }) => item)).toEqual([
      { key: 'requests b', entry: UNUSED },
    ])
    for (const [kind, items] of Object.entries(someItems())) {
      expect(await archive.count(kind as ArchiveKind), kind).toBe(items.length)
    }
  })

  it('an archive pages in the order of the keys, from after one, and survives a restart', async () => {
    const keys = ['b', 'a', 'c', 'B']
    await given.store.archive.put(
      'ledger',
      keys.map((key) => ({ key, entry: UNUSED })),
    )
    await given.reopen()
    const page = async (after: string, limit: number) =>
      (await given.store.archive.page('ledger', after, limit)).map(({ key }) => key)
    expect(await page('', 9)).toEqual(['B', 'a', 'b', 'c'])
    expect(await page('', 2)).toEqual(['B', 'a'])
    expect(await page('aa', 2)).toEqual(['b', 'c'])
    expect(await page('c', 2)).toEqual([])
    expect(await given.store.archive.page('moods', '', 9)).toEqual([])
    expect(await given.store.archive.count('moods')).toBe(0)
  })

  it('what an archive puts is what the ports read', async () => {
    await fill(given.store)
    const items = someItems()
    expect(await given.other.accounts.byUser('u1')).toEqual(items.accounts[0])
    expect(await given.other.moods.byId(items.moods[0]!.mood.id)).toEqual(items.moods[0]!.mood)
    expect(await given.other.intents.get('u1')).toEqual(items.intents[0])
    expect(await given.other.erasures.byUser('u9')).toEqual(items.erasures[0])
    expect(await given.other.removals.of('u1')).toEqual(items.removals[0]!.removals)
    expect(await given.other.repos.claim('w', NOW, NOW + 1, 0)).toMatchObject({ user: 'u1', uncertain: true })
    // A mood of the user that is posted next goes on from the highest number.
    expect((await given.add()).ordinal).toBe(4)
  })
}
