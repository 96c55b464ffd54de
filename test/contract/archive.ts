/** What every store's archive must do. */

import { expect, it } from 'vitest'
import { newAccount, opened } from '../../src/domain/account.ts'
import { UNUSED } from '../../src/domain/budget.ts'
import { finished, newErasure } from '../../src/domain/erasure.ts'
import { published, rejected } from '../../src/domain/sync.ts'
import type { Store } from '../../src/ports/store.ts'
import type { ArchiveItems, ArchiveKind } from '../../src/ports/archive.ts'
import { aMood, NOW } from '../support/moods.ts'

const calm = { until: 0, destructive: false }
const queued = { dueAt: null, marks: 1, failures: 0, uncertain: false, quarantine: calm, lease: null }

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
  const done = finished(newErasure('receipt-2', 'u8', 'tombstone', NOW), 'texts_removed', true, NOW)
  const ready = opened(
    { ...newAccount('u1', 'alice'), pdsHandle: 'alice.test', sealedPassword: 'p' },
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
      { mood: { ...first, version: 3, sync: published(first.sync, 'at://x', 'cid') }, changedAt: NOW + 5 },
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
    repos: [
      { ...queued, user: 'u1', dueAt: NOW, uncertain: true, quarantine: { until: NOW + 9, destructive: true } },
      { ...queued, user: 'u2', failures: 3, marks: 9, lease: { token: 't', owner: 'w', until: NOW } },
    ],
  }
}

export async function fill(store: Store): Promise<void> {
  for (const [kind, items] of Object.entries(someItems())) await store.archive.put(kind as ArchiveKind, items)
}

export function archiveContract(get: () => Store): void {
  it('an archive gives every kind of item back as it was put, in pages', async () => {
    const { archive } = get()
    await fill(get())
    // Once more over what is there.
    await fill(get())
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
}
