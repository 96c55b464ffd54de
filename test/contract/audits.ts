/** What every store must do with the results of audits: the last one of each user. */

import { describe, expect, it } from 'vitest'
import { NO_COUNTS } from '../../src/domain/audit.ts'
import type { StoredAudit } from '../../src/ports/store.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

function anAudit(user: string, fields: Partial<StoredAudit> = {}): StoredAudit {
  const counts = { ...NO_COUNTS, moods: 3, records: 2, synced: 2 }
  return { user, at: NOW, rev: 'rev', code: null, counts, findings: { missing: 1, leaked: 2 }, ...fields }
}

export function auditContract(given: Given): void {
  describe('audits', () => {
    it('an audit comes back as it was put, also after a restart, and the next one replaces it', async () => {
      const read = anAudit('u1')
      await given.store.audits.put(read)
      await given.reopen()
      expect(await given.store.audits.of(['u1'])).toEqual(new Map([['u1', read]]))
      const unread = anAudit('u1', { at: NOW + 1, rev: null, code: 'RepoNotFound', counts: NO_COUNTS, findings: {} })
      await given.store.audits.put(unread)
      expect(await given.other.audits.of(['u1'])).toEqual(new Map([['u1', unread]]))
    })

    it('audits are found for the users that have one, each once', async () => {
      for (const user of ['u1', 'u2', 'u3']) await given.store.audits.put(anAudit(user))
      const found = await given.store.audits.of(['u3', 'nobody', 'u1', 'u3'])
      expect([...found].toSorted(([x], [y]) => (x < y ? -1 : 1))).toEqual([
        ['u1', anAudit('u1')],
        ['u3', anAudit('u3')],
      ])
      expect(await given.store.audits.of([])).toEqual(new Map())
    })

    it('audits are listed by their users, in pages that begin after one', async () => {
      expect(await given.store.audits.page('', 2)).toEqual([])
      for (const user of ['b', 'a', 'd', 'B', 'c']) await given.store.audits.put(anAudit(user))
      const usersOf = async (after: string, limit: number) =>
        (await given.store.audits.page(after, limit)).map(({ user }) => user)
      expect(await usersOf('', 9)).toEqual(['B', 'a', 'b', 'c', 'd'])
      expect(await usersOf('', 2)).toEqual(['B', 'a'])
      expect(await usersOf('a', 2)).toEqual(['b', 'c'])
      expect(await usersOf('bb', 2)).toEqual(['c', 'd'])
      expect(await usersOf('d', 2)).toEqual([])
      expect(await given.store.audits.page('c', 9)).toEqual([anAudit('d')])
    })

    it('an audit of a user who is forgotten is gone, and only that one', async () => {
      await given.store.audits.put(anAudit('u1'))
      await given.store.audits.put(anAudit('u2'))
      await given.store.audits.forget('u1')
      await expect(given.store.audits.forget('u1')).resolves.toBeUndefined()
      expect(await given.other.audits.of(['u1', 'u2'])).toEqual(new Map([['u2', anAudit('u2')]]))
    })
  })
}
