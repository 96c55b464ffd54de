/** `/healthz`, `/readyz`: for load balancers and people at 3 a.m. */

import { DomainError } from '../../domain/errors.ts'
import type { Notice } from '../../domain/notice.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { readDocument } from '../../pds/transport.ts'
import { HealthView, ReadinessView } from '../contract.ts'
import type { Http } from '../deps.ts'

/** Give up on the embedded PDS after this long. */
const PDS_TIMEOUT_MS = 2_000

interface Readiness {
  readonly clock: Clock
  readonly store: Pick<Store, 'check'>
  /** Base URL of the PDS in this process; null where it is elsewhere, and posts do not depend on it. */
  readonly embeddedPds: string | null
  /** What operators should know. Posts are taken all the same: none of it makes the process unready. */
  readonly health: () => Promise<readonly Notice[]>
}

export function healthRoutes(http: Http, { clock, store, embeddedPds, health }: Readiness): void {
  http.get('/healthz', { schema: { summary: 'The process runs', response: { 200: HealthView } } }, async () => ({
    status: 'ok',
  }))

  const summary = 'Posts are taken; and what else there is to know, such as that no worker is alive'
  /** Since when a part is missed, as this process has seen it. */
  const missedSince = new Map<string, number>()
  const using = async <T>(part: string, work: () => Promise<T>): Promise<T> => {
    const asked = clock.now()
    try {
      const result = await work()
      missedSince.delete(part)
      return result
    } catch (error) {
      const since = missedSince.get(part) ?? asked
      missedSince.set(part, since)
      const message = `not ready: ${part} does not answer, since ${new Date(since).toISOString()} as far as is known here`
      throw new DomainError('unavailable', message, { cause: error })
    }
  }
  http.get('/readyz', { schema: { summary, response: { 200: ReadinessView } } }, async () => {
    await using('the database', () => store.check())
    if (embeddedPds !== null) await using('the embedded PDS', () => checkPds(embeddedPds))
    const notices = await using('the database, asked what there is to know,', health)
    return { status: 'ready', notices: notices.map(noticeView) }
  })
}

/** What anybody may read of a notice. */
function noticeView({ code, level, since, text }: Notice) {
  return { code, level, since: since === null ? null : new Date(since).toISOString(), text }
}

async function checkPds(url: string): Promise<void> {
  const answer = await readDocument(`${url}/xrpc/_health`, PDS_TIMEOUT_MS)
  if (answer.kind === 'none') throw new DomainError('unavailable', 'the embedded PDS does not answer')
}
