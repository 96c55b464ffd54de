import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandsIn, wrongWith } from '../../test/support/commands.ts'
import { entryName, FEDERATE_ALL, FEDERATE_NONE, type FederationPolicy, federates, POLICY_MODES } from './policy.ts'
import { changed, isUnchanged, type ListChange, type PolicyChange, wayIn } from './policy-change.ts'

const NAMES = ['alice', 'bob', 'carol', 'user:idp|7']
const users = fc.constantFrom('u1', 'u2', 'idp|7')
const handles = fc.constantFrom(null, 'alice', 'bob', 'dave')
const lists = fc.uniqueArray(fc.constantFrom(...NAMES)).map((list): readonly string[] => list.toSorted())
const policies: fc.Arbitrary<FederationPolicy> = fc.record({
  mode: fc.constantFrom(...POLICY_MODES),
  percent: fc.integer({ min: 0, max: 100 }),
  allow: lists,
})

const KEEP: ListChange = { how: 'keep', entries: [] }
const onList = (...allow: readonly string[]): FederationPolicy => ({ mode: 'allow', percent: 0, allow })
const edit = (how: 'add' | 'remove', ...entries: readonly string[]): PolicyChange => {
  return { mode: 'allow', list: { how, entries } }
}

/** What one command asks for that leads to a policy from everywhere. */
function commandTo({ mode, percent, allow }: FederationPolicy): PolicyChange {
  const list = { how: 'replace', entries: allow } as const
  if (mode === 'percent') return { mode, percent, list }
  return mode === 'allow' ? { mode, list } : { mode, list: KEEP }
}

describe('a change of the policy', () => {
  it('reaches every policy from every other one at once, and from itself is none', () => {
    fc.assert(
      fc.property(policies, policies, users, handles, (before, wanted, user, handle) => {
        fc.pre(wanted.mode !== 'allow' || wanted.allow.length > 0)
        const after = changed(before, commandTo(wanted))
        expect(federates(after, user, handle)).toBe(federates(wanted, user, handle))
        expect(isUnchanged(after, changed(after, commandTo(wanted)))).toBe(true)
      }),
    )
  })

  it('keeps the list while federation is off or on, so that it is there afterwards', () => {
    fc.assert(
      fc.property(policies, fc.constantFrom<'on' | 'off'>('on', 'off'), (before, mode) => {
        fc.pre(before.mode === 'percent' || (before.mode === 'allow' && before.allow.length > 0))
        const meanwhile = changed(before, { mode, list: KEEP })
        expect(changed(meanwhile, { mode: before.mode, list: KEEP })).toEqual(before)
      }),
    )
  })

  it('adds to the list and removes from it, beside a share too, and changes nothing else', () => {
    const share: FederationPolicy = { mode: 'percent', percent: 20, allow: ['alice'] }
    expect(changed(share, edit('add', 'user:idp|7', 'alice'))).toEqual({ ...share, allow: ['alice', 'user:idp|7'] })
    expect(changed(share, edit('remove', 'alice', 'bob'))).toEqual({ ...share, allow: [] })
    expect(changed(onList('bob'), edit('add', 'alice'))).toEqual(onList('alice', 'bob'))
    expect(isUnchanged(onList('bob'), changed(onList('bob'), edit('add', 'bob')))).toBe(true)
    expect(isUnchanged(share, changed(share, edit('remove', 'bob')))).toBe(true)
  })

  it('takes a list that is not in use for no list to add to, and says what lets these users in', () => {
    for (const policy of [FEDERATE_ALL, { ...FEDERATE_NONE, allow: ['bob'] }]) {
      const why = `no list is in use, since federation is ${policy.mode}: "moods federation allow @alice 'idp|7' --execute"`
      expect(() => changed(policy, edit('add', 'alice', 'user:idp|7'))).toThrow(why)
    }
  })

  it('does not leave a list alone with nobody on it', () => {
    const message = 'nobody would be on the list: name users, or "moods federation off --execute"'
    expect(() => changed(onList('bob'), edit('remove', 'bob'))).toThrow(message)
    expect(() => changed(FEDERATE_ALL, { mode: 'allow', list: KEEP })).toThrow(message)
  })

  it('is one where the list that is kept is another', () => {
    expect(isUnchanged(FEDERATE_ALL, { ...FEDERATE_ALL, allow: ['bob'] })).toBe(false)
    expect(isUnchanged({ ...FEDERATE_ALL, percent: 3 }, FEDERATE_ALL)).toBe(true)
  })
})

/** What a command asks for. */
function changeOf(command: string): PolicyChange {
  const [, mode, ...rest] = command.replace(' --execute', '').split(' ')
  if (mode === 'percent') return { mode, percent: Number(rest[0]), list: KEEP }
  if (mode !== 'allow') return { mode: 'on', list: KEEP }
  const entries = rest.filter((word) => word.startsWith('@')).map((word) => word.slice(1))
  return { mode, list: { how: rest.includes('--add') ? 'add' : 'replace', entries } }
}

describe('what lets more users in', () => {
  it('is commands that let in whom they name, and leave nobody out who is in', () => {
    fc.assert(
      fc.property(policies, users, handles, (policy, user, handle) => {
        fc.pre(policy.mode !== 'on')
        const commands = commandsIn(wayIn(policy))
        expect(commands).toContain('federation on --execute')
        for (const command of commands) {
          expect([command, wrongWith(command)]).toEqual([command, null])
          expect(command).toContain(' --execute')
          const after = changed(policy, changeOf(command))
          if (command.includes('@handle')) expect(federates(after, 'anybody', 'handle')).toBe(true)
          if (federates(policy, user, handle))
            expect([command, federates(after, user, handle)]).toEqual([command, true])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('names one more user beside those who are in', () => {
    const all = '"moods federation on --execute" for all'
    expect(wayIn(FEDERATE_NONE)).toBe(`"moods federation allow @handle --execute", or ${all}`)
    expect(wayIn(onList('a'))).toBe(`"moods federation allow --add @handle --execute", or ${all}`)
    expect(wayIn({ mode: 'percent', percent: 10, allow: [] })).toMatch(
      /^"moods federation percent 20 --execute" for a larger share \(without --execute it counts whom that lets in\)/,
    )
  })
})

it('users of the list are named as commands take them', () => {
  expect(['alice', 'user:idp|7'].map((entry) => entryName(entry))).toEqual(['@alice', "'idp|7'"])
})
