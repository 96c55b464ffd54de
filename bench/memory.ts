/** What a long backfill takes of a worker's memory. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Row, row } from './rows.ts'
import { prepare, Site } from './site.ts'

/** In a fresh process, whose memory nothing else has stretched before. */
export async function memory(): Promise<Row[]> {
  await using site = await Site.start()
  {
    await using app = await site.open()
    await prepare(app, 200, 100_000)
  }
  const args = ['--expose-gc', 'bench/worker.ts']
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...site.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { before, most, pending } = JSON.parse(line) as { before: number; most: number; pending: number }
  if (pending > 0) throw new Error(`${pending} moods are still pending`)
  const megabytes = (most - before) / 1_000_000
  const work = 'memory during a backfill of 100,000 moods, beyond what a worker has before'
  const [ours, baseline] = [`${Math.round(megabytes)} MB`, `64 MB, on top of ${Math.round(before / 1_000_000)} MB`]
  return [row(work, ours, baseline, megabytes / 64, '≤ 1', megabytes <= 64)]
}
