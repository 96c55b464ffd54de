/** What the comparison of a very large repo takes of a process's memory. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { toCidLink } from '@atcute/cbor'
import { fromString } from '@atcute/cid'
import { pino } from 'pino'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { newAccount, opened } from '../src/domain/account.ts'
import { chunks } from '../src/domain/chunks.ts'
import type { Mood } from '../src/domain/mood.ts'
import { COLLECTION, recordFor, uriOf } from '../src/domain/record.ts'
import { initial, published } from '../src/domain/sync.ts'
import { treeOf } from '../test/support/car.ts'
import { temporaryFolder } from '../test/support/installation.ts'
import { FIRST, unrepeated } from '../test/support/moods.ts'
import { ServedRepo } from '../test/support/served-repo.ts'
import { type Row, row } from './rows.ts'
import { recordOf } from './site.ts'

/** A million, unless COMPARED_MOODS says another number. */
const MOODS = Number(process.env['COMPARED_MOODS'] ?? 1_000_000)
/** Records that are missing in the repo, in the second run. */
const DIFFERENCES = 100
const LIMIT_MB = 300
const USER = 'u1'

/** A mood that is published, as its row says. */
function publishedMood(did: string, i: number): Mood {
  const { id, rkey, when } = recordOf(i)
  const content = { id, text: `bench mood ${i}`, when, intensity: null, context: null }
  const record = recordFor(content, rkey)
  if (record.kind !== 'record') throw new Error(record.message)
  const sync = published(initial(rkey, false, when), uriOf(did, rkey), record.cid, FIRST)
  return { ...content, user: USER, ordinal: i + 1, isPrivate: false, deleted: null, version: 1, sync }
}

interface Measured {
  readonly before: number
  readonly most: number
  readonly findings: number
  readonly ms: number
}

/** In a fresh process, whose memory nothing else has stretched before. */
async function measured(env: Readonly<Record<string, string>>): Promise<Measured> {
  const args = ['--expose-gc', 'bench/comparing-worker.ts', USER]
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the comparison has ended early')))
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string]
  return JSON.parse(line) as Measured
}

/** The repo is served by a stand-in, since a PDS takes most of an hour for so many records; its tree is not built by our code. */
export async function comparing(): Promise<Row[]> {
  await using folder = await temporaryFolder()
  await using repo = await ServedRepo.start()
  const env = {
    MOODS_DATA: `${folder.path}/moods`,
    PORT: '0',
    PDS_URL: repo.url,
    PLC_URL: repo.url,
    PDS_ADMIN_PASSWORD: 'none',
    PDS_RATE_LIMITS: 'off',
    PDS_TIMEOUT_MS: '30000',
    MOODS_SEAL_KEY: Buffer.alloc(32, 1).toString('base64'),
    AUTH_ISSUER: 'https://issuer.invalid/',
    AUTH_AUDIENCE: 'moods',
  }
  const numbers = Array.from({ length: MOODS }, (_, i) => i)
  const entries: [string, ReturnType<typeof toCidLink>][] = []
  {
    const log = pino({ level: 'silent' })
    await using app = await createApp(readConfig(env, { serves: true }), 'serve', { log })
    await app.store.accounts.claimHandle(USER, 'alice')
    const account = await app.store.accounts.add(newAccount(USER, 'alice'))
    await app.store.accounts.save(opened(account, repo.did, repo.url, 'sealed'))
    for (const some of chunks(numbers, 1_000)) {
      const moods = some.map((i) => publishedMood(repo.did, i))
      await Promise.all(moods.map((mood) => app.store.moods.add(unrepeated(mood))))
      for (const { sync } of moods) entries.push([`${COLLECTION}/${sync.rkey}`, toCidLink(fromString(sync.cid!))])
    }
  }
  const rows: Row[] = []
  for (const missing of [0, DIFFERENCES]) {
    const every = Math.floor(MOODS / DIFFERENCES)
    const nodes = treeOf(missing === 0 ? entries : entries.filter((_, i) => i % every !== 0))
    repo.serve({ commit: await repo.commit(nodes[0]!), blocks: nodes })
    const { before, most, findings, ms } = await measured(env)
    if (findings !== missing) throw new Error(`${findings} findings, where ${missing} records are missing`)
    const megabytes = (most - before) / 1_000_000
    const work = `memory of comparing ${MOODS} moods with a repo in which ${missing} are missing (${repo.asked.length} requests, ${repo.bytes} bytes, ${Math.round(ms)} ms)`
    const [ours, limit] = [
      `${Math.round(megabytes)} MB`,
      `${LIMIT_MB} MB, on top of ${Math.round(before / 1_000_000)} MB`,
    ]
    rows.push(row(work, ours, limit, megabytes / LIMIT_MB, '≤ 1', megabytes <= LIMIT_MB))
  }
  return rows
}
