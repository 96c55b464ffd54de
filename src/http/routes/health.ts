/** `/healthz`, `/readyz`: for load balancers and people at 3 a.m. */

import { DomainError } from '../../domain/errors.ts'
import type { Store } from '../../ports/store.ts'
import { HealthView } from '../contract.ts'
import type { Http } from '../deps.ts'

/** Give up on the embedded PDS after this long. */
const PDS_TIMEOUT_MS = 2_000

/** @param embeddedPds base URL of the PDS in this process; null where it is elsewhere, and posts do not depend on it */
export function healthRoutes(http: Http, store: Pick<Store, 'check'>, embeddedPds: string | null): void {
  http.get('/healthz', { schema: { summary: 'The process runs', response: { 200: HealthView } } }, async () => ({
    status: 'ok',
  }))

  http.get('/readyz', { schema: { summary: 'Posts are taken', response: { 200: HealthView } } }, async () => {
    try {
      await store.check()
      if (embeddedPds !== null) await checkPds(embeddedPds)
    } catch (error) {
      throw new DomainError('unavailable', 'not ready', { cause: error })
    }
    return { status: 'ready' }
  })
}

async function checkPds(url: string): Promise<void> {
  const response = await fetch(`${url}/xrpc/_health`, { signal: AbortSignal.timeout(PDS_TIMEOUT_MS) })
  if (!response.ok) throw new DomainError('unavailable', 'the embedded PDS does not answer')
}
