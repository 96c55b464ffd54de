/** What a PDS says of a repo that it holds, or does not hold. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { RepoStatus } from '../ports/directory.ts'
import { getRepoStatus } from './methods.ts'
import type { Sending, Xrpc } from './xrpc.ts'

/** @returns `uncertain` for an answer that is about another repo */
export async function askRepoStatus(
  client: Xrpc,
  pds: string,
  did: string,
  sending: Sending = {},
): Promise<Outcome<RepoStatus>> {
  const params = { did: did as l.DidString }
  const answer = await client.ask(
    pds,
    async (agent, signal) => (await xrpc(agent, getRepoStatus, { params, signal })).body,
    sending,
  )
  if (answer.kind !== 'ok') return answer
  if (answer.value.did !== did) return { kind: 'uncertain', code: 'AnotherAccount', answered: false }
  const { active, status = null } = answer.value
  return ok({ active, status })
}
