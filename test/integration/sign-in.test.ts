/** Tokens of an OpenID Connect provider: which are taken, and how an outage of the provider passes. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Authenticator } from '../../src/http/auth.ts'
import { createOidc } from '../../src/http/oidc.ts'
import { AUDIENCE, DISCOVERY_PATH, type Provider, startProvider } from '../support/provider.ts'

const TIMEOUT_MS = 300

describe('OpenID Connect', () => {
  let provider: Provider
  let auth: Authenticator

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    provider = await startProvider()
    auth = createOidc(provider.issuer, AUDIENCE, { timeoutMs: TIMEOUT_MS })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await provider[Symbol.asyncDispose]()
  })

  const later = (ms: number): void => void vi.advanceTimersByTime(ms)
  const codeOf = (token: string): Promise<string> =>
    auth.verify(token).then(
      (user) => `user ${user}`,
      (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
    )

  it('accepts a token of the configured issuer and audience, and refuses all others', async () => {
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
    for (const wrong of [
      { byStranger: true },
      { iss: 'https://elsewhere.example/' },
      { aud: 'another-api' },
      { exp: '-1h' },
    ])
      expect(await codeOf(await provider.token('u1', wrong)), JSON.stringify(wrong)).toMatch(/^unauthorized: /)
  })

  it('refuses a token whose user could not be read again once it is stored', async () => {
    for (const name of ['', '\uFFFD', 'u\uFFFD1']) {
      expect(await codeOf(await provider.token(name))).toBe('unauthorized: the token names no user')
    }
  })

  it('refuses to work with a provider whose discovery document names another issuer', async () => {
    provider.document.issuer = 'https://elsewhere.example/'
    expect(await codeOf(await provider.token('u1'))).toMatch(/^unavailable: .*another issuer/)
    expect(provider.requests).toEqual([DISCOVERY_PATH])
    provider.document.issuer = provider.issuer
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
  })

  it('works again as soon as a provider that was down is up', async () => {
    await provider.down()
    expect(await codeOf(await provider.token('u1'))).toMatch(/^unavailable: /)
    await provider.up()
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
  })

  it('gives up on a provider that does not answer after the timeout, and works again when it answers', async () => {
    provider.hang()
    expect(await codeOf(await provider.token('u1'))).toMatch(/^unavailable: /)
    await provider.up()
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
  })

  it.each([
    ['a path with nothing there', '/nowhere'],
    ['no URL at all', 'nonsense'],
  ])('discovers the keys again after their address was %s', async (_what, path) => {
    const { jwks_uri: uri } = provider.document
    provider.document.jwks_uri = path.startsWith('/') ? new URL(path, provider.issuer).href : path
    expect(await codeOf(await provider.token('u1'))).toMatch(/^unavailable: /)
    provider.document.jwks_uri = uri
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
  })

  it('keeps known users signed in while the provider is down', async () => {
    const token = await provider.token('u1')
    expect(await codeOf(token)).toBe('user u1')
    await provider.down()
    expect(await codeOf(token)).toBe('user u1')
    expect(await codeOf(await provider.token('u2'))).toBe('user u2')
  })

  it('accepts a rotated key, and refuses the key it replaced', async () => {
    const before = await provider.token('u1')
    expect(await codeOf(before)).toBe('user u1')
    await provider.rotate()
    const after = await provider.token('u1')
    later(6 * 60_000)
    expect(await codeOf(after)).toBe('user u1')
    expect(await codeOf(before)).toMatch(/^unauthorized: /)
  })

  it('finds rotated keys that moved to another address, with the second token at the latest', async () => {
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
    await provider.rotate('/new-keys')
    later(31_000)
    await codeOf(await provider.token('u1'))
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
  })

  it('does not ask the provider again for each token with a made-up key', async () => {
    expect(await codeOf(await provider.token('u1'))).toBe('user u1')
    const { length } = provider.requests
    await provider.rotate()
    for (let i = 0; i < 20; i++) expect(await codeOf(await provider.token(`u${i}`))).toMatch(/^unauthorized: /)
    expect(provider.requests).toHaveLength(length)
  })

  it('trusts a verified token no longer than the token lives', async () => {
    const token = await provider.token('u1', { exp: '60s' })
    expect(await codeOf(token)).toBe('user u1')
    later(61_000)
    expect(await codeOf(token)).toBe('unauthorized: the token has expired')
  })
})
