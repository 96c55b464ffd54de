/** What the probe finds out of each kind of PDS, and what it leaves there. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReadyAccount } from '../../src/domain/account.ts'
import { type HostTraits, REFERENCE } from '../../src/domain/host-facts.ts'
import { readyAccount } from '../support/damage.ts'
import { type Profile, PROFILES, ProfileProxy } from '../support/profiles.ts'
import { FaultyProxy } from '../support/proxy.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

/** How each profile differs from the reference PDS. */
const TRAITS: Readonly<Record<Profile, Partial<HostTraits>>> = {
  'drops-swap': { nullSwap: 'ignored', cidSwap: 'ignored', batches: 'unprotected' },
  'null-means-absent': { nullSwap: 'ignored' },
  'create-only-put': { deletesNothing: false },
  '409-exists': { nullSwap: 'ignored', cidSwap: 'ignored' },
  'plain-text-errors': {},
  'no-batches': { batches: 'none' },
  'no-getBlocks': { getBlocks: false },
  'refuses-swap': { nullSwap: 'ignored', cidSwap: 'refused', batches: 'none' },
  'coded-errors': {},
}

let site: Site
let account: ReadyAccount
beforeAll(async () => {
  site = await signedUpSite(['alice'], { env: { PDS_TIMEOUT_MS: '500' } })
  account = await readyAccount(site.app, 'u1')
})
afterAll(() => site[Symbol.asyncDispose]())

const probe = (pds: string) => site.app.client.probe({ ...account, pds }, new AbortController().signal)

/** Every record of every collection. */
async function collections(): Promise<unknown> {
  const query = new URLSearchParams({ repo: account.did })
  const response = await fetch(`${site.realPds}/xrpc/com.atproto.repo.describeRepo?${query.toString()}`)
  return ((await response.json()) as { collections: unknown }).collections
}

describe('the probe', () => {
  it('finds that the reference PDS is one', async () => {
    expect(await probe(site.realPds)).toEqual({ kind: 'ok', value: REFERENCE })
    expect(await collections()).toEqual([])
  })

  it.each(PROFILES)('finds out %s, and leaves nothing', async (profile) => {
    await using proxy = await ProfileProxy.start(profile, site.realPds)
    expect(await probe(proxy.url)).toEqual({ kind: 'ok', value: { ...REFERENCE, ...TRAITS[profile] } })
    expect(await collections()).toEqual([])
  })

  it.each(['drops-swap', 'refuses-swap'] as const)(
    'never takes %s for a stronger host, whatever goes wrong on the way',
    async (profile) => {
      await using weak = await ProfileProxy.start(profile, site.realPds)
      const found: unknown[] = []
      for (let seed = 1; seed <= 4; seed++) {
        const faults = { target: weak.url, seed, rate: 0.15, clientTimeoutMs: 500, lateMs: 100 }
        await using proxy = await FaultyProxy.start(faults)
        const outcome = await probe(proxy.url)
        found.push(outcome.kind === 'ok' ? outcome.value.nullSwap : 'not found out')
      }
      expect(found).not.toContain('protects')
    },
  )
})
