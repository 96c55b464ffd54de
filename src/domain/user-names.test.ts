import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { nameOf, whoIs } from './user-names.ts'

describe('the name of a user', () => {
  it('is the handle and the sub where it is printed, and either of them on a command line', () => {
    expect([whoIs('u1', 'alice'), nameOf('u1', 'alice')]).toEqual(['@alice (u1)', '@alice'])
    for (const none of [null, '']) expect([whoIs('u1', none), nameOf('u1', none)]).toEqual(['u1', 'u1'])
  })

  it.each(['idp|1', 'google-oauth2|1 2', "o'hara", '$HOME', '@alice', 'did:plc:abc', '*'])(
    '%s is one word of a shell',
    (sub) => {
      const { stdout } = spawnSync('sh', ['-c', `printf '[%s]' ${nameOf(sub, null)}`], { encoding: 'utf8' })
      expect(stdout).toBe(`[${sub}]`)
    },
  )
})
