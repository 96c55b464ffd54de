import { expect, it } from 'vitest'
import { EVENTS_OF_ACCOUNT, planFor } from '../../domain/relay.ts'
import { describeRelayPlan } from './relay-plan.ts'

const accounts = (n: number) => planFor({ requests: n, cost: EVENTS_OF_ACCOUNT, share: 1 }, 1_000, n)

it('a task says before it begins how long it takes at the limit of a relay', () => {
  expect(describeRelayPlan(accounts(700))).toEqual([
    'That is 2800 events for the relays. Where they admit 1000 accounts (RELAY_ACCOUNT_LIMIT), they take at least 58 s.',
  ])
  expect(describeRelayPlan(planFor({ requests: 1, cost: 1, share: 1 }, 100, 3), true)).toEqual([
    'That is at most 1 event for the relays. Where they admit 100 accounts (RELAY_ACCOUNT_LIMIT), it takes no time at all.',
  ])
  expect(describeRelayPlan(null)).toEqual([])
})

it('a task warns where it makes more accounts than relays admit, or nearly so many', () => {
  const [, warning] = describeRelayPlan(accounts(800))
  expect(warning).toContain('this makes 800 accounts on the PDS, of 1000 that a relay admits')
  expect(describeRelayPlan(accounts(1_200))[1]).toContain('200 of them would be written and not visible')
  expect(describeRelayPlan(accounts(799))).toHaveLength(1)
})
