/** `/healthz`, `/readyz`: for load balancers and people at 3 a.m. */

import { DomainError } from '../../domain/errors.ts'
import type { Notice } from '../../domain/notice.ts'
import type { Store } from '../../ports/store.ts'
import { HealthView, ReadinessView } from '../contract.ts'
import type { Http } from '../deps.ts'

/** Give up on the embedded PDS after this long. */
const PDS_TIMEOUT_MS = 2_000

interface Readiness {
  readonly store: Pick<Store, 'check'>
  /** Base URL of the PDS in this process; null where it is elsewhere, and posts do not depend on it. */
  readonly embeddedPds: string | null
  /** What operators should know. Posts are taken all the same: none of it makes the process unready. */
  readonly health: () => Promise<readonly Notice[]>
}

export function healthRoutes(http: Http, { store, embeddedPds, health }: Readiness): void {
  http.get('/healthz', { schema: { summary: 'The process runs', response: { 200: HealthView } } }, async () => ({
    status: 'ok',
  }))

  const summary = 'Posts are taken; and what else there is to know, such as that no worker is alive'
  http.get('/readyz', { schema: { summary, response: { 200: ReadinessView } } }, async () => {
    try {
      await store.check()
      if (embeddedPds !== null) await checkPds(embeddedPds)
      return { status: 'ready', notices: (await health()).map(noticeView) }
    } catch (error) {
      throw new DomainError('unavailable', 'not ready', { cause: error })
    }
  })
}

/** What anybody may read of a notice. */
function noticeView({ code, level, since, text }: Notice) {
  return { code, level, since: since === null ? null : new Date(since).toISOString(), text }
}

async function checkPds(url: string): Promise<void> {
  const response = await fetch(`${url}/xrpc/_health`, { signal: AbortSignal.timeout(PDS_TIMEOUT_MS) })
  if (!response.ok) throw new DomainError('unavailable', 'the embedded PDS does not answer')
}
