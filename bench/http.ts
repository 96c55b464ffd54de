/** How many posts the server takes, and how many it would if it had nothing to do for them. */

import autocannon from 'autocannon'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { temporaryFolder } from '../test/support/installation.ts'

const CONNECTIONS = 64
const SECONDS = 6

/**
 * Requests per second, the median of three rounds taken in turn.
 *
 * @param dataFolder of an installation that is there already; an empty one if not said
 */
export async function postThroughput(dataFolder?: string): Promise<{ ours: number; constant: number }> {
  await using folder = await temporaryFolder()
  const server = spawn(process.execPath, ['bench/server.ts', dataFolder ?? folder.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => server.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
  const { real, constant, tokens } = JSON.parse(line) as { real: string; constant: string; tokens: string[] }
  const rounds: { ours: number; constant: number }[] = []
  for (let i = 0; i < 3; i++) rounds.push({ ours: await fire(real, tokens), constant: await fire(constant, tokens) })
  server.kill('SIGKILL')
  const middle = (of: 'ours' | 'constant'): number => rounds.map((round) => round[of]).toSorted((a, b) => a - b)[1]!
  return { ours: middle('ours'), constant: middle('constant') }
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
