import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AccountState } from '../domain/account.ts'
import type { Mood } from '../domain/mood.ts'
import { adopted, enqueued, forgotten, held, initial, type MoodSync, published, rejected } from '../domain/sync.ts'
import { LaunchTally } from './launch-tally.ts'

const fresh = initial('key', false, 10)
const there = published(fresh, 'at://x', 'cid', { at: 25, direct: true })
const SYNCS: readonly MoodSync[] = [
  fresh,
  there,
  enqueued(there, 30),
  forgotten(there),
  adopted(forgotten(there), { rkey: 'key', uri: 'at://x', cid: 'cid' }, 90),
  published(fresh, 'at://x', 'cid', { at: 500, direct: false }),
  rejected(fresh, { code: 'InvalidRecord', message: 'too long', at: 20 }),
  held(fresh, 'federation_off'),
]

const aUser = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const aMood = fc.record({
  user: aUser,
  when: fc.nat({ max: 100 }),
  isPrivate: fc.boolean(),
  deleted: fc.constantFrom(null, { by: 'author', records: 'keep' } as const),
  sync: fc.constantFrom(...SYNCS),
})
const anAccount = fc.record({
  user: aUser,
  state: fc.constantFrom<AccountState>('ready', 'pending', 'needs_attention'),
})
const since = fc.option(fc.nat({ max: 100 }))

function tallied(
  moods: readonly Partial<Mood>[],
  accounts: readonly { user: string; state: AccountState }[],
  from: number | null,
) {
  const tally = new LaunchTally(from)
  for (const mood of moods) tally.addMood(mood as Mood)
  for (const account of accounts) tally.addAccount(account)
  return tally.result()
}

describe('the numbers of a launch', () => {
  it('add up, whatever moods and accounts there are, and since whenever', () => {
    const accounts = fc.uniqueArray(anAccount, { selector: ({ user }) => user })
    fc.assert(
      fc.property(fc.array(aMood), accounts, since, (moods, owned, from) => {
        const numbers = tallied(moods, owned, from)
        const withAny = numbers.usersWithAccount + numbers.accountsWaiting + numbers.accountsNeedingAttention
        expect(withAny).toBeLessThanOrEqual(numbers.users)
        const { private: hidden, deleted, withReference, withoutReference } = numbers
        expect(hidden + deleted + withReference + withoutReference).toBe(numbers.moods)
        expect(numbers.published + numbers.pending + numbers.rejected).toBeLessThanOrEqual(numbers.moods)
        expect(Object.values(numbers.rejectedBy).reduce<number>((sum, n) => sum + n!, 0)).toBe(numbers.rejected)
        expect(numbers.latency?.count ?? 0).toBeLessThanOrEqual(numbers.moods)
        const waiting = Object.values(numbers.waiting).reduce<number>((sum, n) => sum + n, 0)
        expect(waiting).toBeLessThanOrEqual(withoutReference)
        if (numbers.latency !== null) expect(numbers.firstPublished).not.toBeNull()
      }),
    )
  })

  it('of all users include those who have an account and no mood; of a time only those who posted in it', () => {
    const owned = [{ user: 'a', state: 'ready' } as const, { user: 'b', state: 'ready' } as const]
    const moods = [{ user: 'a', when: 50, isPrivate: false, deleted: null, sync: there }]
    expect(tallied(moods, owned, null)).toMatchObject({ users: 2, usersWithAccount: 2 })
    expect(tallied(moods, owned, 40)).toMatchObject({ users: 1, usersWithAccount: 1, moods: 1 })
    expect(tallied(moods, owned, 60)).toMatchObject({ users: 0, usersWithAccount: 0, moods: 0 })
  })

  it('tell of moods without a reference which wait for a backfill, and which for the policy', () => {
    const of = (sync: MoodSync) => ({ user: 'a', when: 10, isPrivate: false, deleted: null, sync })
    const hidden = { ...of(forgotten(there)), isPrivate: true }
    const moods = [of(forgotten(there)), of(SYNCS.at(-1)!), of(SYNCS.at(-1)!), of(fresh), of(there), hidden]
    const { withoutReference, waiting } = tallied(moods, [], null)
    expect([withoutReference, waiting]).toEqual([4, { backfill: 1, federation_off: 2 }])
  })

  it('name the launch and the latency by the first publication, also while its reference is forgotten', () => {
    const of = (sync: MoodSync) => tallied([{ user: 'a', when: 10, isPrivate: false, deleted: null, sync }], [], null)
    const launch = { firstPublished: 25, latency: { count: 1, average: 15, p50: 15, p99: 15 } }
    for (const sync of [there, enqueued(there, 30), forgotten(there), SYNCS[4]!]) expect(of(sync)).toMatchObject(launch)
    // What came late for other reasons says nothing of how long publishing takes.
    expect(of(SYNCS[5]!)).toMatchObject({ firstPublished: 500, latency: null })
  })
})
