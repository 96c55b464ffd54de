import { describe, expect, it } from 'vitest'
import { aReadyAccount, NOW } from '../../test/support/moods.ts'
import type { ReadyAccount } from '../domain/account.ts'
import { ProvingQueue } from './proving-queue.ts'

const MINUTE = 60_000

function account(user: string, pds = 'http://pds.test'): ReadyAccount {
  return { ...(aReadyAccount(user) as ReadyAccount), pds }
}

describe('the repos that wait to be proven', () => {
  it('go turn and turn about, those that are due and those that have changed, each once', () => {
    const queue = new ProvingQueue({ now: () => NOW })
    queue.setDue([account('old'), account('both'), account('older')])
    queue.addChanged([account('both'), account('new')])
    expect(queue.length).toBe(5)
    const order = Array.from({ length: 5 }, () => queue.next('http://pds.test')?.user)
    expect(order).toEqual(['both', 'old', 'new', 'older', undefined])
    expect(queue.hosts()).toEqual([])
  })

  it('are first again where they were put back, and once where they are listed again meanwhile', () => {
    const queue = new ProvingQueue({ now: () => NOW })
    queue.setDue([account('a'), account('b')])
    queue.putBack(queue.next('http://pds.test')!)
    queue.setDue([account('c'), account('a')])
    expect(Array.from({ length: 3 }, () => queue.next('http://pds.test')?.user)).toEqual(['a', 'c', undefined])
  })

  it('of a host that is left alone wait, and no others', () => {
    let now = NOW
    const queue = new ProvingQueue({ now: () => now })
    queue.setDue([account('a', 'http://one.test'), account('b', 'http://two.test')])
    queue.rest('http://one.test', 0)
    expect(queue.hosts()).toEqual(['http://two.test'])
    now += MINUTE
    expect(queue.hosts()).toEqual(['http://one.test', 'http://two.test'])
    queue.rest('http://one.test', 0)
    now += MINUTE
    expect(queue.isResting('http://one.test')).toBe(true)
    queue.answered('http://one.test')
    expect(queue.isResting('http://one.test')).toBe(false)
    queue.restForBudget('http://one.test', 5_000)
    now += 5_000
    queue.rest('http://one.test', 0)
    now += MINUTE
    expect(queue.isResting('http://one.test')).toBe(false)
  })

  it('wait for no rest that was decided by a clock which was ahead', () => {
    let now = NOW + 24 * 60 * MINUTE
    const queue = new ProvingQueue({ now: () => now })
    queue.rest('http://one.test', 0)
    now = NOW
    expect(queue.isResting('http://one.test')).toBe(false)
  })
})
