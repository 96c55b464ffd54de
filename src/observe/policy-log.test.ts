import { expect, it } from 'vitest'
import { recordedLog } from '../../test/support/events.ts'
import { FEDERATE_ALL, FEDERATE_NONE, type StoredPolicy } from '../domain/policy.ts'
import { Events } from './events.ts'
import { PolicyLog } from './policy-log.ts'

const on: StoredPolicy = { policy: FEDERATE_ALL, by: 'ada@host', at: 0, reason: null, version: 1 }
const off: StoredPolicy = { policy: FEDERATE_NONE, by: 'bob@host', at: 60_000, reason: 'a drill', version: 2 }

it('a change of the policy is a warning that says who changed it, from what, to what and why, once', async () => {
  const { log, take } = recordedLog()
  let now: StoredPolicy | null | Error = on
  const read = () => (now instanceof Error ? Promise.reject(now) : Promise.resolve(now))
  const policies = new PolicyLog(read, new Events(log), on)
  const said: (readonly unknown[])[] = []
  for (now of [on, new Error('silent'), off, off, null, off, { ...on, version: 3 }]) {
    await policies.look()
    said.push(take())
  }
  const change = { level: 40, msg: 'policy followed' }
  const since = '1970-01-01T00:01:00.000Z'
  expect(said.map((lines) => lines.length)).toEqual([0, 0, 1, 0, 0, 0, 1])
  expect(said[2]).toMatchObject([
    {
      ...change,
      from: 'on for all users',
      federation: 'off',
      by: 'bob@host',
      reason: 'a drill',
      since,
      policyVersion: 2,
    },
  ])
  expect(said[6]).toMatchObject([{ ...change, from: 'off', federation: 'on for all users', by: 'ada@host' }])
})
