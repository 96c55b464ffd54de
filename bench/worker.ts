/** A worker in a process of its own, which says how much more memory a long backfill takes than it had before. */

import { pino } from 'pino'
import { createApp } from '../src/app.ts'
import { preferSmallHeap } from '../src/cli/memory.ts'
import { readConfig } from '../src/config.ts'

const LOOK_EVERY_MS = 20

preferSmallHeap()
await using app = await createApp(readConfig(process.env, { serves: false }), 'worker', {
  log: pino({ level: 'silent' }),
})
globalThis.gc?.()
const before = process.memoryUsage.rss()
let most = before
const watching = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss())
}, LOOK_EVERY_MS)
await app.engine.drain()
clearInterval(watching)
const { states } = await app.store.work.count()
console.log(JSON.stringify({ before, most, pending: states.pending }))
