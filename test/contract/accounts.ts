/** What every store must do with handles and accounts. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Account,
  STORED_STATES,
  newAccount,
  opened,
  refused,
  replaced,
  retried,
} from '../../src/domain/account.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

export function accountContract(given: Given): void {
  describe('accounts', () => {
    it('a handle has one user, and a user one handle', async () => {
      const { accounts } = given.store
      expect(await accounts.claimHandle('u1', 'alice')).toBe('claimed')
      expect(await accounts.claimHandle('u1', 'alice')).toBe('claimed')
      expect(await accounts.claimHandle('u2', 'alice')).toBe('taken')
      expect(await accounts.claimHandle('u1', 'bob')).toBe('has_other')
      expect(await accounts.handlesOf(['u1', 'u2'])).toEqual(new Map([['u1', 'alice']]))
      expect(await accounts.usersOf(['alice', 'bob'])).toEqual(new Map([['alice', 'u1']]))
    })

    it('of many who claim a handle at the same time one gets it', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          (i % 2 === 0 ? given.store : given.other).accounts.claimHandle(`u${i}`, 'alice'),
        ),
      )
      expect(answers.filter((answer) => answer === 'claimed')).toHaveLength(1)
    })

    it('an account is added once, and saved only from its latest version', async () => {
      const { accounts } = given.store
      const fresh = newAccount('u1', 'alice')
      await accounts.claimHandle('u1', 'alice')
      expect(await accounts.byUser('u1')).toBeNull()
      expect(await accounts.add(fresh)).toEqual(fresh)
      const ready = opened(
        { ...fresh, pdsHandle: 'alice.test', candidate: 1, credentials: { kind: 'sealed', sealed: 's' } },
        'did:plc:a',
        'http://pds',
        's',
      )
      expect(await accounts.save(ready)).toEqual({ ...ready, version: 2 })
      expect(await accounts.save(ready)).toBeNull()
      expect(await accounts.add(newAccount('u1', 'alice'))).toEqual({ ...ready, version: 2 })
      expect(await accounts.byDid('did:plc:a')).toEqual({ ...ready, version: 2 })
      expect(await accounts.byDid('did:plc:b')).toBeNull()
      expect(await accounts.count()).toEqual({ states: { pending: 0, ready: 1, needs_attention: 0 }, attention: {} })
    })

    it('saving makes no account', async () => {
      expect(await given.store.accounts.save(newAccount('u1', 'alice'))).toBeNull()
      expect(await given.store.accounts.byUser('u1')).toBeNull()
    })

    it('accounts that need attention are listed in pages, for one reason or for all', async () => {
      const { accounts } = given.store
      const stored = []
      for (const [user, code] of [
        ['a', 'A'],
        ['b', 'B'],
        ['c', 'A'],
      ] as const) {
        await accounts.claimHandle(user, `name-${user}`)
        const account = await accounts.add(newAccount(user, `name-${user}`))
        stored.push((await accounts.save(refused(account, { code, message: 'no', at: NOW })))!)
      }
      await accounts.add(newAccount('d', 'name-d'))
      const [a, b, c] = stored
      expect(await accounts.needingAttention(null, '', 2)).toEqual([a, b])
      expect(await accounts.needingAttention(null, 'b', 2)).toEqual([c])
      expect(await accounts.needingAttention('A', '', 2)).toEqual([a, c])
      expect(await accounts.needingAttention('A', 'a', 2)).toEqual([c])
      expect(await accounts.needingAttention('C', '', 2)).toEqual([])
      await accounts.save(retried(a!))
      expect(await accounts.needingAttention('A', '', 2)).toEqual([c])
    })

    it('handles are found by user and users by handle, where there are any, also after a restart', async () => {
      await given.store.accounts.claimHandle('u1', 'alice')
      await given.store.accounts.claimHandle('u2', 'bob')
      await given.reopen()
      const { accounts } = given.store
      const byHandle = new Map([...(await accounts.usersOf(['bob', 'nobody', 'alice', 'bob']))].toSorted())
      expect(byHandle).toEqual(
        new Map([
          ['alice', 'u1'],
          ['bob', 'u2'],
        ]),
      )
      expect(await accounts.handlesOf(['u3', 'u2', 'u2'])).toEqual(new Map([['u2', 'bob']]))
      expect(await accounts.handlesOf([])).toEqual(new Map())
      expect(await accounts.usersOf([])).toEqual(new Map())
      expect(await accounts.claimHandle('u1', 'bob')).toBe('has_other')
      expect(await accounts.claimHandle('u3', 'bob')).toBe('taken')
    })

    it('of handles that a user claims at the same time one is theirs, and the others stay free', async () => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => {
          return (i % 2 === 0 ? given.store : given.other).accounts.claimHandle('u1', `name-${i}`)
        }),
      )
      expect(answers.toSorted()).toEqual(['claimed', ...Array.from({ length: 7 }, () => 'has_other')])
      const names = answers.map((_, i) => `name-${i}`)
      expect([...(await given.store.accounts.usersOf(names)).values()]).toEqual(['u1'])
    })

    it('an account that takes the place of others keeps what they were, on top of what the next one is', async () => {
      const { accounts } = given.store
      await accounts.claimHandle('u1', 'alice')
      const first = await accounts.add(opened(newAccount('u1', 'alice'), 'did:plc:a', 'http://old.test', 'sealed'))
      const second = await accounts.save(replaced({ ...first, did: 'did:plc:a', pds: 'http://old.test' }, 'gone', NOW))
      expect(await given.other.accounts.byUser('u1')).toEqual(second)
      expect(await accounts.byDid('did:plc:a')).toBeNull()
      const third = await accounts.save(opened(second!, 'did:plc:b', 'http://new.test', 'sealed'))
      await given.reopen()
      expect(await given.store.accounts.byUser('u1')).toEqual(third)
      expect(third?.former).toEqual([{ did: 'did:plc:a', pds: 'http://old.test', until: NOW, why: 'gone' }])
    })

    it('an account is kept with every field as it is given', async () => {
      const { accounts } = given.store
      await accounts.claimHandle('u1', 'alice')
      const text = fc.string({ minLength: 1, maxLength: 30 })
      const words = text.filter((word) => !word.includes('\0'))
      const shape = fc.record({
        state: fc.constantFrom(...STORED_STATES),
        pdsHandle: fc.option(words),
        candidate: fc.nat({ max: 9 }),
        credentials: fc.option(
          fc.oneof(
            words.map((word) => ({ kind: 'sealed', sealed: `sealed ${word}` }) as const),
            words.map((password) => ({ kind: 'plain', password }) as const),
          ),
        ),
        sealedSession: fc.option(words),
        requeue: fc.boolean(),
        error: fc.option(fc.record({ code: words, message: words, at: fc.nat() })),
        home: fc.option(fc.constant({ did: 'did:plc:a', pds: 'http://pds.test:2583' })),
      })
      let current = await accounts.add(newAccount('u1', 'alice'))
      await fc.assert(
        fc.asyncProperty(shape, async ({ home, state, ...fields }) => {
          const place = home ?? { did: null, pds: null }
          const possible = home === null && state === 'ready' ? 'pending' : state
          const next: Account = { ...current, ...fields, ...place, state: possible }
          current = (await accounts.save(next))!
          expect(current).toEqual({ ...next, version: next.version + 1 })
          expect(await given.other.accounts.byUser('u1')).toEqual(current)
        }),
        { numRuns: 25 },
      )
      await given.reopen()
      expect(await given.store.accounts.byUser('u1')).toEqual(current)
    })

    it('of accounts that are added at the same time one is kept, and every caller learns which', async () => {
      await given.store.accounts.claimHandle('u1', 'alice')
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => {
          const account = { ...newAccount('u1', 'alice'), candidate: i }
          return (i % 2 === 0 ? given.store : given.other).accounts.add(account)
        }),
      )
      const kept = await given.store.accounts.byUser('u1')
      expect(answers).toEqual(answers.map(() => kept))
    })

    it('of changes to an account that are saved at the same time one is kept', async () => {
      await given.store.accounts.claimHandle('u1', 'alice')
      const account = await given.store.accounts.add(newAccount('u1', 'alice'))
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => {
          return (i % 2 === 0 ? given.store : given.other).accounts.save({ ...account, candidate: i })
        }),
      )
      const kept = answers.filter((answer) => answer !== null)
      expect(kept).toHaveLength(1)
      expect(await given.store.accounts.byUser('u1')).toEqual(kept[0])
    })

    it('accounts with a sealed password are found if there are any', async () => {
      const { accounts } = given.store
      await accounts.claimHandle('u1', 'alice')
      await accounts.claimHandle('u2', 'bob')
      await accounts.add(newAccount('u1', 'alice'))
      expect(await accounts.sealed(5)).toEqual([])
      const plain = await accounts.add({ ...newAccount('u2', 'bob'), credentials: { kind: 'plain', password: 'p' } })
      expect(await accounts.byUser('u2')).toEqual(plain)
      expect(await accounts.sealed(5)).toEqual([])
      const sealed = await accounts.save({ ...plain, credentials: { kind: 'sealed', sealed: 's' } })
      expect(await accounts.sealed(5)).toEqual([sealed])
      await accounts.save({ ...sealed!, credentials: null })
      expect(await accounts.sealed(5)).toEqual([])
    })

    it('a user who is forgotten has no account and no handle, and anyone may have them', async () => {
      const { accounts } = given.store
      for (const [user, handle] of [
        ['u1', 'alice'],
        ['u2', 'bob'],
      ] as const) {
        await accounts.claimHandle(user, handle)
        await accounts.add(opened(newAccount(user, handle), `did:plc:${user}`, 'http://pds', 's'))
      }
      await accounts.forget('u1')
      await expect(accounts.forget('u1')).resolves.toBeUndefined()
      await given.reopen()
      expect(await given.store.accounts.byUser('u1')).toBeNull()
      expect(await given.store.accounts.byDid('did:plc:u1')).toBeNull()
      expect(await given.store.accounts.handlesOf(['u1', 'u2'])).toEqual(new Map([['u2', 'bob']]))
      expect((await given.store.accounts.byDid('did:plc:u2'))?.user).toBe('u2')
      expect(await given.store.accounts.claimHandle('u3', 'alice')).toBe('claimed')
      expect(await given.store.accounts.claimHandle('u1', 'carol')).toBe('claimed')
      expect((await given.store.accounts.add(newAccount('u1', 'carol'))).state).toBe('pending')
    })

    it('accounts are counted by state, and those that need attention by code', async () => {
      const { accounts } = given.store
      expect(await accounts.count()).toEqual({ states: { pending: 0, ready: 0, needs_attention: 0 }, attention: {} })
      const codes = ['A', 'B', 'A', null, null]
      for (const [i, code] of codes.entries()) {
        const account = newAccount(`u${i}`, `name-${i}`)
        await accounts.add(code === null ? account : refused(account, { code, message: 'why', at: NOW }))
      }
      await accounts.add(opened(newAccount('u9', 'nine'), 'did:plc:nine', 'http://pds', 's'))
      // A handle alone is no account.
      await accounts.claimHandle('u8', 'eight')
      expect(await accounts.count()).toEqual({
        states: { pending: 2, ready: 1, needs_attention: 3 },
        attention: { A: 2, B: 1 },
      })
    })
  })
}
