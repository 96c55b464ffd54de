/** Proving that a repo is as it should be, and finding what differs, against reading it whole. */

import type { App } from '../src/app.ts'
import type { ReadyAccount } from '../src/domain/account.ts'
import { ExpectedRecords } from '../src/domain/expected.ts'
import { ok, type Outcome } from '../src/domain/outcome.ts'
import type { RepoWrite } from '../src/domain/plan.ts'
import { cidOf, COLLECTION } from '../src/domain/record.ts'
import { type AuditDeps, auditUser } from '../src/operate/audit.ts'
import { historyOf } from '../src/operate/pages.ts'
import { Comparison } from '../src/pds/repo/comparison.ts'
import { digestOf } from '../src/pds/repo/repo-car.ts'
import { Share } from '../src/pds/repo/share.ts'
import { SortedRecords } from '../src/pds/repo/sorted-records.ts'
import type { CompareOptions, RepoClient, RepoComparison } from '../src/ports/pds.ts'
import { readyAccount } from '../test/support/damage.ts'
import { Gateway, pass } from '../test/support/gateway.ts'
import { quantile, type Row, row } from './rows.ts'
import { type Front, prepare, recordOf, Site, startChild } from './site.ts'

const MOODS = 10_000
const ROUNDS = 7
const DIFFERENCES = [1, 10, 100]
const LINK = { roundTripMs: 50, mbit: 20 }
/** Of the tree of so many records. */
const LEVELS = 7
const never = new AbortController().signal

type StartFront = (pdsUrl: string) => Promise<Front>

/** How the repo is read: only what is not as expected; or all of it. */
type Way = 'tree' | 'whole'

/** Compares with a repo that was read whole: what an audit does where it cannot compare trees. */
async function compareWhole(
  client: RepoClient,
  account: ReadyAccount,
  { expected = new ExpectedRecords() }: CompareOptions = {},
): Promise<Outcome<RepoComparison>> {
  const whole = await client.compare(account, COLLECTION, { verify: true })
  if (whole.kind !== 'ok') return whole
  const { records, rev, commit, signed } = whole.value
  const comparison = new Comparison(await SortedRecords.of(expected, new Share(never)))
  for (const [rkey, record] of records) comparison.see(rkey, digestOf(record.cid), () => record)
  return ok(comparison.end().shownBy({ rev, cid: commit }, signed))
}

/** The client as it is, or one that is not told what to expect. */
function clientBy(client: RepoClient, way: Way): RepoClient {
  if (way === 'tree') return client
  return new Proxy(client, {
    get(target, name) {
      if (name === 'compare') {
        return (account: ReadyAccount, _: string, options?: CompareOptions) => compareWhole(target, account, options)
      }
      const value = Reflect.get(target, name) as unknown
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
}

async function audited(app: App, user: string, way: Way): Promise<{ readonly ms: number; readonly findings: number }> {
  const deps: AuditDeps = { store: app.store, client: clientBy(app.client, way), clock: app.clock, timer: app.timer }
  const started = performance.now()
  const found = await auditUser(deps, user, { verify: true })
  if (found.kind !== 'audited') throw new Error(`the audit of ${user} is ${found.kind}`)
  return { ms: performance.now() - started, findings: found.audit.findings.length }
}

/** Both ways, one after the other, several times. @returns ms at the median */
async function compared(app: App, user: string, findings: number): Promise<Record<Way, number>> {
  const times: Record<Way, number[]> = { tree: [], whole: [] }
  for (let i = 0; i < ROUNDS; i++) {
    for (const way of ['tree', 'whole'] as const) {
      const { ms, findings: found } = await audited(app, user, way)
      if (found !== findings) throw new Error(`${found} findings instead of ${findings} by the way "${way}"`)
      times[way].push(ms)
    }
  }
  return { tree: quantile(times.tree, 0.5), whole: quantile(times.whole, 0.5) }
}

/** What was asked of the PDS, and how many bytes it answered. */
class Meter {
  #requests = 0
  #bytes = 0

  async front(pdsUrl: string): Promise<Front> {
    const gateway = await Gateway.start(pdsUrl, async (request, outgoing) => {
      this.#requests++
      await gateway.forward(request, (answer) => {
        answer.on('data', (chunk: Buffer) => void (this.#bytes += chunk.length))
        pass(answer, outgoing)
      })
    })
    return gateway
  }

  async of(work: () => Promise<unknown>): Promise<Cost> {
    const [requests, bytes] = [this.#requests, this.#bytes]
    await work()
    return { requests: this.#requests - requests, bytes: this.#bytes - bytes }
  }
}

interface Cost {
  readonly requests: number
  readonly bytes: number
}

async function slowLink(pdsUrl: string): Promise<Front> {
  const link = await startChild('bench/link.ts', pdsUrl, String(LINK.roundTripMs), String(LINK.mbit))
  return { ...(link.said as { url: string }), [Symbol.asyncDispose]: () => link[Symbol.asyncDispose]() }
}

/** Takes records away, changes some and adds others, as another client of the account would. @param from how many differ already */
async function differ(app: App, user: string, from: number, count: number): Promise<void> {
  const moods = [...(await historyOf(app.store, user)).values()]
  const writes = Array.from({ length: count }, (_, k): RepoWrite => {
    const i = from + k
    // All over the tree, and none twice.
    const { rkey, cid } = moods[(i * 97) % moods.length]!.sync
    const value = { ...recordOf(1_000_000 + i).value, text: 'in other words' }
    if (i % 3 === 0) return { action: 'delete', rkey }
    if (i % 3 === 1) return { action: 'update', rkey, value, cid: cidOf(value), was: cid! }
    return { action: 'create', rkey: recordOf(2_000_000 + i).rkey, value, cid: cidOf(value) }
  })
  const outcome = await app.client.write(await readyAccount(app, user), COLLECTION, writes, never)
  if (outcome.kind !== 'ok') throw new Error(`nothing was changed: ${JSON.stringify(outcome)}`)
}

/** An installation with a user whose repo is as it should be. */
async function withRepo<T>(front: StartFront | null, work: (app: App, user: string) => Promise<T>): Promise<T> {
  await using site = await Site.start(front)
  await using app = await site.open()
  const [user] = await prepare(app, 1, MOODS)
  await app.engine.drain()
  return await work(app, user!)
}

const said = ({ requests, bytes }: Cost): string => `${requests} requests, ${bytes} bytes`
const millis = (value: number): string => `${Math.round(value)} ms`

async function timeRow(where: string, front: StartFront | null, target: number): Promise<Row> {
  const { tree, whole } = await withRepo(front, (app, user) => compared(app, user, 0))
  const ratio = whole / tree
  const work = `proving an equal repo of ${MOODS} moods, ${where}, against reading it whole`
  return row(work, millis(tree), millis(whole), ratio, `≥ ${target}`, ratio >= target)
}

/** What it costs to prove and to compare, whatever the time. */
async function costRows(): Promise<Row[]> {
  const meter = new Meter()
  return withRepo(
    (pdsUrl) => meter.front(pdsUrl),
    async (app, user) => {
      const costBy = (way: Way): Promise<Cost> => meter.of(() => audited(app, user, way))
      const whole = await costBy('whole')
      const proof = await costBy('tree')
      const isSmall = proof.requests <= 2 && proof.bytes <= 1000
      const work = `bytes to prove an equal repo of ${MOODS} moods, against reading it whole`
      const rows = [row(work, said(proof), said(whole), proof.bytes / whole.bytes, '≤ 2 requests, 1000 bytes', isSmall)]
      let before = 0
      for (const differences of DIFFERENCES) {
        await differ(app, user, before, differences - before)
        before = differences
        const [all, found] = [await costBy('whole'), await costBy('tree')]
        const most = Math.min(16_000 * differences, 1.2 * all.bytes)
        const isMet = found.bytes <= most && found.requests <= 2 + 4 * LEVELS
        const what = `bytes to find ${differences} differences in it, against reading it whole`
        rows.push(row(what, said(found), said(all), found.bytes / all.bytes, `≤ ${Math.round(most)} bytes`, isMet))
      }
      return rows
    },
  )
}

export async function proofs(): Promise<Row[]> {
  const link = `behind ${LINK.roundTripMs} ms and ${LINK.mbit} Mbit/s`
  return [await timeRow(link, slowLink, 10), await timeRow('on loopback', null, 3), ...(await costRows())]
}
