/** How many posts the server takes, and how many it would if it did nothing for each but insert it. */

import autocannon from 'autocannon'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { temporaryFolder } from '../test/support/installation.ts'
import { withStores } from './each-store.ts'
import { quantile, type Row, row } from './rows.ts'

const CONNECTIONS = 64
const SECONDS = 6
const ROUNDS = 5

/** What a post may cost beside a bare insert. On MongoDB, posts that arrive together are to be cheaper than each by itself. */
const TARGETS = { SQLite: 0.85, MongoDB: 1.3 } as const

/** Posts beside bare inserts, on each store that can be had here. */
export async function postRows(): Promise<Row[]> {
  const rows: Row[] = []
  await withStores(async (name) => {
    const rounds = await postRounds(ROUNDS)
    const ratio = quantile(
      rounds.map(({ ours, bare }) => ours / bare),
      0.5,
    )
    const median = (of: 'ours' | 'bare'): string =>
      `${Math.round(
        quantile(
          rounds.map((round) => round[of]),
          0.5,
        ),
      )} /s`
    const target = TARGETS[name]
    const work = `POST /api/mood, 64 connections, against one bare insert a request, ${name}`
    rows.push(row(work, median('ours'), median('bare'), ratio, `≥ ${target}`, ratio >= target))
  })
  return rows
}

/**
 * Posts per second, at the median.
 *
 * @param dataFolder of an installation that is there already
 */
export async function postThroughput(dataFolder: string): Promise<number> {
  const rounds = await postRounds(3, dataFolder)
  return quantile(
    rounds.map(({ ours }) => ours),
    0.5,
  )
}

/** Requests per second, in rounds taken in turn. @param dataFolder an empty one if not said */
async function postRounds(rounds: number, dataFolder?: string): Promise<{ ours: number; bare: number }[]> {
  await using folder = await temporaryFolder()
  const server = spawn(process.execPath, ['bench/server.ts', dataFolder ?? folder.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => server.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
  const { real, bare, tokens } = JSON.parse(line) as { real: string; bare: string; tokens: string[] }
  const results: { ours: number; bare: number }[] = []
  // The first round warms up.
  for (let i = 0; i <= rounds; i++) results.push({ ours: await fire(real, tokens), bare: await fire(bare, tokens) })
  server.kill('SIGTERM')
  await once(server, 'exit')
  return results.slice(1)
}

let posted = 0

async function fire(url: string, tokens: readonly string[]): Promise<number> {
  const result = await autocannon({
    url: `${url}/api/mood`,
    connections: CONNECTIONS,
    duration: SECONDS,
    method: 'POST',
    setupClient: (client) => {
      const next = (): void => {
        const n = ++posted
        client.setHeadersAndBody(
          { 'content-type': 'application/json', authorization: `Bearer ${tokens[n % tokens.length]!}` },
          JSON.stringify({ mood: `mood ${n}` }),
        )
      }
      next()
      client.on('response', next)
    },
  })
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refusals, ${result.errors} errors`)
  return result.requests.average
}
