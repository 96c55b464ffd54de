/** What a PDS really holds, read without any of our own code; and ways to put something there behind our back. */

import Database from 'better-sqlite3'
import { randomUUID } from 'node:crypto'
import type { LexMap } from '@atproto/lex-data'
import { join } from 'node:path'
import type { App } from '../../src/app.ts'
import { isReady } from '../../src/domain/account.ts'
import { cidOf, rkeyFor } from '../../src/domain/record.ts'

export interface ListedRecord {
  readonly uri: string
  readonly cid: string
  readonly value: Record<string, unknown>
}

/** Every mood record of a repo; the last page is the empty one. */
export async function listRecords(pds: string, did: string): Promise<ListedRecord[]> {
  const found: ListedRecord[] = []
  for (let cursor: string | undefined; ;) {
    const query = new URLSearchParams({ repo: did, collection: 'computer.aesthetic.mood', limit: '100' })
    if (cursor) query.set('cursor', cursor)
    const response = await fetch(`${pds}/xrpc/com.atproto.repo.listRecords?${query.toString()}`)
    if (!response.ok) throw new Error(`listRecords answered ${response.status}: ${await response.text()}`)
    const page = (await response.json()) as { records: ListedRecord[]; cursor?: string }
    if (page.records.length === 0) return found
    found.push(...page.records)
    cursor = page.cursor
  }
}

/** The revision of every repo on a PDS, by DID. */
export async function revisions(pds: string): Promise<ReadonlyMap<string, string>> {
  const revs = new Map<string, string>()
  for (let cursor = ''; ;) {
    const query = new URLSearchParams({ limit: '1000', ...(cursor === '' ? {} : { cursor }) })
    const response = await fetch(`${pds}/xrpc/com.atproto.sync.listRepos?${query.toString()}`)
    if (!response.ok) throw new Error(`listRepos answered ${response.status}: ${await response.text()}`)
    const page = (await response.json()) as { repos: { did: string; rev: string }[]; cursor?: string }
    for (const { did, rev } of page.repos) revs.set(did, rev)
    if (page.cursor === undefined) return revs
    cursor = page.cursor
  }
}

/** Resolves once `ready` answers true; looks again every 20 ms and gives up after `ms`. */
export async function eventually(what: string, ready: () => Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await ready())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** How many commits the embedded PDS of this data folder has made to a repo. */
export function commitsOf(folder: string, did: string): number {
  const db = new Database(join(folder, 'pds', 'sequencer.sqlite'), { readonly: true })
  try {
    return (
      db
        .prepare<[string], number>(`SELECT count(*) FROM repo_seq WHERE did = ? AND eventType = 'append'`)
        .pluck()
        .get(did) ?? 0
    )
  } finally {
    db.close()
  }
}

/** An account that is not of our making. @returns its DID */
export async function makeForeignAccount(
  pds: string,
  adminPassword: string,
  handle: string,
  password = 'not-ours',
): Promise<string> {
  const call = async (
    method: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Record<string, unknown>> => {
    const response = await fetch(`${pds}/xrpc/com.atproto.server.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as Record<string, unknown>
  }
  const authorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`
  const { code } = await call('createInviteCode', { useCount: 1 }, { authorization })
  const account = { handle, email: `${handle}@example.com`, password, inviteCode: code }
  return String((await call('createAccount', account))['did'])
}

/** Writes a record into an account's repo, as another client of its owner would. */
export async function putStray(app: App, did: string, record: Record<string, unknown>): Promise<void> {
  const account = await app.store.accounts.byDid(did)
  if (!isReady(account)) throw new Error(`${did} is not ready`)
  const rkey = rkeyFor(Date.now(), randomUUID(), 0)
  const value = record as { $type: string }
  const write = { action: 'create', rkey, value, cid: cidOf(record as LexMap) } as const
  const outcome = await app.client.write(account, value.$type, [write], new AbortController().signal)
  if (outcome.kind !== 'ok') throw new Error(`the stray was not written: ${outcome.kind}`)
}

/** Takes an account down, or lifts that, as the operator of the PDS does it. */
export async function takeDown(pds: string, adminPassword: string, did: string, applied = true): Promise<void> {
  const response = await fetch(`${pds}/xrpc/com.atproto.admin.updateSubjectStatus`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`,
    },
    body: JSON.stringify({ subject: { $type: 'com.atproto.admin.defs#repoRef', did }, takedown: { applied } }),
  })
  if (!response.ok) throw new Error(`updateSubjectStatus answered ${response.status}`)
}

/** Deactivates an account as its owner does who is about to leave: it is to be deleted in a month. */
export async function deactivate(pds: string, did: string, password: string): Promise<void> {
  const call = async (method: string, body: unknown, token?: string): Promise<string> => {
    const response = await fetch(`${pds}/xrpc/com.atproto.server.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} answered ${response.status}: ${text}`)
    return text
  }
  const { accessJwt } = JSON.parse(await call('createSession', { identifier: did, password })) as { accessJwt: string }
  await call('deactivateAccount', { deleteAfter: new Date(Date.now() + 30 * 24 * 3_600_000).toISOString() }, accessJwt)
}
