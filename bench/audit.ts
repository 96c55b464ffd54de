/** Audits against what they replace. */

import type { App } from '../src/app.ts'
import { isReady, type ReadyAccount } from '../src/domain/account.ts'
import { auditRepo } from '../src/domain/audit.ts'
import { COLLECTION } from '../src/domain/record.ts'
import { auditUser } from '../src/operate/audit.ts'
import { historyOf } from '../src/operate/pages.ts'
import { chosenAccounts, survey } from '../src/operate/survey.ts'
import { quantile, type Row, row } from './rows.ts'
import { prepare, Site } from './site.ts'

const ROUNDS = 5
const never = new AbortController().signal

function ms(values: readonly number[]): string {
  return `${Math.round(quantile(values, 0.5))} ms`
}

async function time(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** The whole collection in pages of a hundred, which is the most that a PDS gives. */
async function listAll({ pds, did }: ReadyAccount) {
  const records = new Map<string, { cid: string; value: unknown }>()
  for (let cursor = ''; ;) {
    const query = new URLSearchParams({
      repo: did,
      collection: COLLECTION,
      limit: '100',
      ...(cursor ? { cursor } : {}),
    })
    // Uncompressed, as our own reading: faster for both on one machine.
    const headers = { 'accept-encoding': 'identity' }
    const response = await fetch(`${pds}/xrpc/com.atproto.repo.listRecords?${query.toString()}`, { headers })
    const page = (await response.json()) as { records: { uri: string; cid: string; value: unknown }[]; cursor?: string }
    for (const { uri, cid, value } of page.records) records.set(uri.split('/').at(-1)!, { cid, value })
    if (!page.cursor || page.records.length === 0) return records
    cursor = page.cursor
  }
}

/** One repo of many moods, read whole with every hash checked, against the same comparison after paging. */
async function auditAgainstPaging(app: App, user: string): Promise<Row> {
  const account = await app.store.accounts.byUser(user)
  if (!isReady(account)) throw new Error(`${user} is not ready`)
  const [ours, paging]: [number[], number[]] = [[], []]
  let records = 0
  for (let i = 0; i < ROUNDS; i++) {
    ours.push(
      await time(async () => {
        const found = await auditUser(app, user)
        if (found.kind !== 'audited' || found.audit.findings.length > 0) throw new Error('the audit found something')
        records = found.audit.counts.records
      }),
    )
    paging.push(
      await time(async () => {
        const moods = [...(await historyOf(app.store, user)).values()]
        const empty = new Set<string>()
        const rest = { odd: [], moving: empty, removing: empty, modernise: false }
        const input = { account, policy: app.policy.policy, moods, ...rest }
        if (auditRepo({ ...input, records: await listAll(account) }).findings.length > 0) throw new Error('a finding')
      }),
    )
  }
  const ratio = quantile(paging, 0.5) / quantile(ours, 0.5)
  const work = `audit of ${records} records, every hash checked, against paging listRecords`
  return row(work, ms(ours), ms(paging), ratio, '≥ 1.5', ratio >= 1.5)
}

/** Repos that have not changed since their last audit, against auditing them all. */
async function incrementalAudit(app: App, users: readonly string[]): Promise<Row> {
  const accounts = await chosenAccounts(app.store, users)
  const full = await time(async () => void (await survey(app, accounts, {}, () => {}, never)))
  let unchanged = 0
  const again = await time(async () => {
    unchanged = (await survey(app, accounts, { incremental: true }, () => {}, never)).unchanged
  })
  if (unchanged !== accounts.length) throw new Error(`only ${unchanged} of ${accounts.length} repos were passed over`)
  const ratio = full / again
  const work = `incremental audit of ${accounts.length} unchanged repos, against a full one`
  return row(work, `${Math.round(again)} ms`, `${Math.round(full)} ms`, ratio, '≥ 50', ratio >= 50)
}

export async function audits(): Promise<Row[]> {
  await using site = await Site.start()
  await using app = await site.open()
  const [large] = await prepare(app, 1, 10_000)
  const many = await prepare(app, 1_000, 10_000)
  await app.engine.drain()
  return [await auditAgainstPaging(app, large!), await incrementalAudit(app, many)]
}
