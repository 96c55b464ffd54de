/** What a PDS says of a repo that it holds, or does not hold. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { Outcome } from '../domain/outcome.ts'
import type { RepoStatus } from '../ports/directory.ts'
import { getRepoStatus } from './methods.ts'
import { OddAnswer } from './transport.ts'
import type { Call, Sending, Xrpc } from './xrpc.ts'

export function askRepoStatus(
  client: Xrpc,
  pds: string,
  did: string,
  sending: Sending = {},
): Promise<Outcome<RepoStatus>> {
  const params = { did: did as l.DidString }
  const call: Call<RepoStatus> = async (agent, signal) => {
    const { did: about, active, status = null } = (await xrpc(agent, getRepoStatus, { params, signal })).body
    if (about !== did) throw new OddAnswer('AnotherAccount', 'the status of another repo')
    return { active, status }
  }
  return client.ask(pds, call, sending)
}
