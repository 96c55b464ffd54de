/** Revisions: the newest commit of a repo, and those of all repos of a host, page by page. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import { ok, type Outcome } from '../../domain/outcome.ts'
import { isDid } from '../identity.ts'
import { getLatestCommit, listRepos } from '../methods.ts'
import { isTid } from './repo-car.ts'
import { OddAnswer } from '../transport.ts'
import type { Call, Xrpc } from '../xrpc.ts'

const PAGE = 1_000
/** More repos than any PDS has: ten thousand full pages. */
const MAX_PAGES = 10_000

interface Page {
  readonly cursor: string | undefined
  readonly revs: ReadonlyMap<string, string>
}

/** Asks for the newest commit of a repo. */
export function newestCommit(did: string): Call<{ readonly rev: string; readonly cid: string }> {
  const params = { did: did as l.DidString }
  return async (agent, signal) => {
    const { rev, cid } = (await xrpc(agent, getLatestCommit, { params, signal })).body
    if (!isTid(rev)) throw noRevision()
    return { rev, cid }
  }
}

function noRevision(): OddAnswer {
  return new OddAnswer('NoRevision', 'a revision that is none')
}

/**
 * Asks for all of them. Each page has to bring a repo that was not there before, so that a host that goes in circles is
 * found out on its second round; an empty page has no cursor.
 */
export async function revisionsOf(client: Xrpc, pds: string): Promise<Outcome<ReadonlyMap<string, string>>> {
  const all = new Map<string, string>()
  for (let cursor: string | undefined, pages = 0; pages < MAX_PAGES; pages++) {
    const page = await client.ask(pds, pageCall(all, cursor))
    if (page.kind !== 'ok') return page
    for (const [did, rev] of page.value.revs) all.set(did, rev)
    cursor = page.value.cursor
    if (cursor === undefined) return ok(all)
  }
  return { kind: 'uncertain', code: 'NoLastPage', answered: true, said: `${MAX_PAGES} pages of repos, and more` }
}

function pageCall(before: ReadonlyMap<string, string>, cursor: string | undefined): Call<Page> {
  const params = { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }
  return async (agent, signal) => {
    const { cursor: next, repos } = (await xrpc(agent, listRepos, { params, signal })).body
    if (repos.length > PAGE) throw new OddAnswer('PageTooLong', `a page of more repos than the ${PAGE} asked for`)
    for (const { did, rev } of repos) {
      if (!isDid(did)) throw new OddAnswer('NoDid', 'a repo whose DID is none')
      // An account that is deactivated, or was never written to, has none.
      if (rev !== '' && !isTid(rev)) throw noRevision()
    }
    const isNew = repos.some(({ did }) => !before.has(did))
    if (next !== undefined && (next === cursor || !isNew)) {
      throw new OddAnswer('CursorRepeats', 'pages of repos that lead nowhere')
    }
    return { cursor: next, revs: new Map(repos.map(({ did, rev }) => [did, rev])) }
  }
}
