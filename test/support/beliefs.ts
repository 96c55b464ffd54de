/**
 * Whether what the primary believes of the PDS is so, asked of both directly and without any of the product's own code:
 * whatever stands between them, nothing may be believed that is not.
 */

import { primaryOf, type PrimaryErasure, type PrimaryMood } from './primary.ts'
import { listRecords } from './repo.ts'

/** Whose erasures there are: the rows forget it. */
export type Erased = ReadonlyMap<string, { readonly did: string | null }>

/**
 * @param pds base URL of the real PDS
 * @param folder data folder of the installation
 * @param users whose accounts and moods are looked at
 * @param erased DIDs by the receipts of their erasures
 * @returns every belief that is wrong; none while all is well
 */
export async function wrongBeliefs(
  pds: string,
  folder: string,
  users: readonly string[],
  erased: Erased = new Map(),
): Promise<string[]> {
  const primary = primaryOf(folder)
  const [rows, accounts, erasures] = [await primary.moods(), await primary.accounts(), await primary.erasures()]
  const wrong: string[] = []
  const gone = new Set([...erased.values()].map(({ did }) => did))
  for (const { user, did, state, error } of accounts.filter((account) => users.includes(account.user))) {
    if (state === 'needs_attention') wrong.push(`the account of ${user} needs attention: ${error}`)
    if (did === null) continue
    const isThere = await hasRepo(pds, did)
    if (!isThere && !gone.has(did)) wrong.push(`the account of ${user} is ${state}, and the PDS has no ${did}`)
    const mine = rows.filter((row) => row.did === did)
    if (isThere && mine.length > 0) wrong.push(...wrongOf(mine, await cidsOf(pds, did)))
  }
  for (const { user, id, state } of rows) {
    if (state === 'rejected' && users.includes(user)) wrong.push(`mood ${id} is rejected`)
  }
  for (const erasure of erasures) {
    const who = erased.get(erasure.receipt)
    if (who && who.did !== null) wrong.push(...(await wrongErasure(pds, erasure, who.did)))
  }
  return wrong
}

/** Whether the account is on the PDS, and can be used. */
async function hasRepo(pds: string, did: string): Promise<boolean> {
  const answer = await fetch(`${pds}/xrpc/com.atproto.sync.getRepoStatus?did=${did}`)
  if (answer.status === 400) return false
  return ((await answer.json()) as { active: boolean }).active
}

async function cidsOf(pds: string, did: string): Promise<ReadonlyMap<string, string>> {
  return new Map((await listRecords(pds, did)).map(({ uri, cid }) => [uri.split('/').at(-1)!, cid]))
}

function wrongOf(rows: readonly PrimaryMood[], records: ReadonlyMap<string, string>): string[] {
  return rows.flatMap(({ id, state, rkey, cid }) => {
    const there = records.get(rkey) ?? null
    if (state === 'published' && there !== cid) return [`mood ${id} is published as ${cid}, and the PDS has ${there}`]
    if (state === 'withdrawn' && there !== null) return [`mood ${id} is withdrawn, and the PDS has ${there}`]
    return []
  })
}

async function wrongErasure(pds: string, { receipt, done }: PrimaryErasure, did: string): Promise<string[]> {
  const isThere = await hasRepo(pds, did)
  const wrong: string[] = []
  const claims = (step: string): boolean => done[step]?.needed === true
  if (isThere && (claims('records_deleted') || claims('repo_verified') || done['forgotten'])) {
    const left = (await listRecords(pds, did)).length
    if (left > 0) wrong.push(`erasure ${receipt} says that the records are gone, and ${left} are there`)
  }
  if (isThere && (claims('account_deleted') || done['forgotten'])) {
    wrong.push(`erasure ${receipt} says that the account is gone, and ${did} is there`)
  }
  return wrong
}
