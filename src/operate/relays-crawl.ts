/** Asks relays to follow our PDS. */

import { codeOf, type Failure } from '../domain/outcome.ts'
import { DomainError } from '../domain/errors.ts'
import type { Relays } from '../ports/sightings.ts'

export interface CrawlDeps {
  readonly relays: Relays
  readonly config: { readonly relays: readonly string[] }
  /** Base URL of the PDS. */
  readonly pdsUrl: string
}

export interface CrawlRequest {
  readonly executed: boolean
  readonly pds: string
  readonly relays: readonly {
    readonly relay: string
    /** Whether it knew the PDS before; null where it does not tell. */
    readonly knows: boolean | null
    /** Its own word for how the PDS stands with it; null where it says nothing. */
    readonly status: string | null
    /** Whether it has taken the request; null in a dry run. */
    readonly asked: boolean | null
    /** Why it has not; null where it has, or was not asked. */
    readonly why: string | null
  }[]
}

/**
 * Asks each configured relay what it knows of the PDS, and with `execute` to crawl it, which changes nothing where it does so
 * already.
 *
 * @param stop ends it between two requests
 * @throws DomainError `usage` where no relay is configured
 */
export async function requestCrawls(deps: CrawlDeps, execute: boolean, stop: AbortSignal): Promise<CrawlRequest> {
  const { relays, config, pdsUrl: pds } = deps
  if (config.relays.length === 0) throw new DomainError('usage', 'no relay is configured: set RELAYS')
  const one = async (relay: string): Promise<CrawlRequest['relays'][number]> => {
    const host = await relays.host(relay, pds, stop)
    const knows = host.kind === 'ok' ? host.value !== null : null
    const status = host.kind === 'ok' ? (host.value?.status ?? null) : null
    if (!execute || stop.aborted) return { relay, knows, status, asked: null, why: null }
    const answer = await relays.requestCrawl(relay, pds, stop)
    return { relay, knows, status, asked: answer.kind === 'ok', why: answer.kind === 'ok' ? null : whyOf(answer) }
  }
  return { executed: execute, pds, relays: await Promise.all(config.relays.map(one)) }
}

function whyOf(failure: Failure): string {
  if (failure.kind === 'uncertain' && failure.said !== undefined) return `it answered with ${failure.said}`
  return codeOf(failure)
}
