/** What a PDS may say in tokens and of them, and what is made of it. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OddAnswer } from './transport.ts'
import { isUsable, sessionIn, type Tokens, tokensIn } from './tokens.ts'

const NOW = Date.UTC(2026, 10, 26, 12)
const HOUR = 60 * 60_000
const DID = 'did:plc:abcdefghijklmnopqrstuvwx'

function jwt(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part(claims)}.c2ln`
}

function tokens(accessJwt: string, receivedAt = NOW): Tokens {
  return { accessJwt, refreshJwt: 'refresh', receivedAt }
}

type Answer = Parameters<typeof sessionIn>[0]

function answer(more: Partial<Answer> = {}): Answer {
  return { accessJwt: jwt({ sub: DID }), refreshJwt: 'refresh', did: DID, handle: 'alice.test', ...more }
}

describe('how long a token is used', () => {
  it('uses a token until shortly before it ends', () => {
    const two = tokens(jwt({ exp: (NOW + 2 * HOUR) / 1000 }))
    expect([isUsable(two, NOW), isUsable(two, NOW + 1.9 * HOUR), isUsable(two, NOW + 2 * HOUR - 30_000)]).toEqual([
      true,
      true,
      false,
    ])
  })

  const year12000 = Date.UTC(12000, 0) / 1000
  const absurd = [year12000, 1e300, -5, 0, 'soon', null, true, [1], {}, undefined, (NOW - HOUR) / 1000, NOW]
  it.each([...absurd.map((exp) => jwt({ exp })), 'opaque', 'a.b.c', '..', jwt(7), jwt(null)])(
    'uses a token that does not say for certain when it ends for an hour: %s',
    (token) => {
      expect([0, 0.9, 1.1, 10_000].map((hours) => isUsable(tokens(token), NOW + hours * HOUR))).toEqual([
        true,
        true,
        false,
        false,
      ])
    },
  )

  it('whatever the token says, it is used for an hour at least or until its own end, and never for more than a day', () => {
    const claims = fc.oneof(fc.jsonValue(), fc.record({ exp: fc.oneof(fc.double(), fc.jsonValue()) }))
    fc.assert(
      fc.property(fc.oneof(claims.map(jwt), fc.string()), (token) => {
        expect(isUsable(tokens(token), NOW + 25 * HOUR)).toBe(false)
        // Else every request would fetch a new one.
        expect(isUsable(tokens(token), NOW)).toBe(true)
      }),
    )
  })

  it('tokens that a wrong clock has received long after now are not used', () => {
    expect(isUsable(tokens('opaque', NOW + 400 * 24 * HOUR), NOW)).toBe(false)
  })
})

describe('whose tokens they are', () => {
  const asked = { did: DID, handle: null }
  it('takes the tokens of the account that was asked for, of any form', () => {
    expect(sessionIn(answer(), asked, NOW)).toEqual({ ...answer(), receivedAt: NOW })
    expect(sessionIn(answer({ accessJwt: 'opaque' }), asked, NOW).accessJwt).toBe('opaque')
    expect(sessionIn(answer({ handle: 'Alice.test' }), { did: null, handle: 'alice.test' }, NOW).did).toBe(DID)
    expect(sessionIn(answer({ handle: 'changed.test' }), asked, NOW).did).toBe(DID)
  })

  it.each<Partial<Answer>>([
    { did: 'did:plc:other' },
    { did: 'did:plc:other', accessJwt: jwt({ sub: 'did:plc:other' }) },
    { did: 'did:plc:other', accessJwt: 'opaque' },
    { accessJwt: jwt({ sub: 'did:plc:other' }) },
    { accessJwt: jwt({ sub: 7 }) },
    { accessJwt: '' },
    { accessJwt: 'two\r\nlines' },
    { refreshJwt: 'x'.repeat(10_000) },
  ])('takes none of another account, and none that cannot be sent: %j', (more) => {
    expect(() => sessionIn(answer(more), asked, NOW)).toThrow(OddAnswer)
  })

  it('takes no answer that names another handle than the one that was asked for', () => {
    const named = { did: null, handle: 'alice.test' }
    expect(() => sessionIn(answer({ handle: 'bob.test' }), named, NOW)).toThrow('the handle of another account')
  })

  it('reads stored tokens, and anything else as none', () => {
    const stored = tokens('access')
    expect(tokensIn(JSON.stringify(stored))).toEqual(stored)
    expect(tokensIn('{"accessJwt":"a","refreshJwt":"b"}')).toEqual({ ...tokens('a', 0), refreshJwt: 'b' })
    for (const text of ['', 'null', '7', '[]', '{"accessJwt":1,"refreshJwt":"b"}', '{"accessJwt":"a"}']) {
      expect(tokensIn(text)).toBeNull()
    }
  })
})
