/** A site as most tests of the engine want it: the PDS is up, and the users have their accounts. */

import type { Overrides } from '../../src/app.ts'
import { LEDGER } from '../../src/domain/budget.ts'
import { REFERENCE } from '../../src/domain/host-facts.ts'
import { createSite, type Site, type StartFront } from './site.ts'

/**
 * @param handles of the users `u1`, `u2` …
 * @param options environment and replacements of the installation; whether the PDS enforces its rate limits
 */
export async function signedUpSite(
  handles: readonly string[] = ['alice'],
  options: {
    readonly env?: Record<string, string>
    readonly overrides?: Overrides
    readonly rateLimits?: boolean
    readonly front?: StartFront
    /** It is known that the PDS is the reference one: no test records are written, which cost points. */
    readonly isHostKnown?: boolean
  } = {},
): Promise<Site> {
  const { env, overrides, rateLimits = false, front = null, isHostKnown = false } = options
  await using stack = new AsyncDisposableStack()
  const site = stack.use(await createSite(env, overrides, front))
  await site.pds.up({ rateLimits })
  const { store, pdsUrl } = site.app
  if (isHostKnown) await store.ledger.know(LEDGER.requests(pdsUrl), { ...REFERENCE, at: site.now() })
  for (const [i, handle] of handles.entries()) await site.app.accounts.signUp(`u${i + 1}`, handle)
  await site.app.engine.drain()
  stack.move()
  return site
}

/** Posts this many moods of `u1` and publishes them. @returns their ids */
export async function postMany({ app }: Site, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push((await app.moods.post('u1', { mood: `mood ${i}` })).mood.id)
  await app.engine.drain()
  return ids
}
