/** A command in a process of its own, which says how much more memory an audit takes than it had before. */

import { pino } from 'pino'
import { createApp } from '../src/app.ts'
import { preferSmallHeap } from '../src/cli/memory.ts'
import { readConfig } from '../src/config.ts'
import { auditUser } from '../src/operate/audit.ts'

const LOOK_EVERY_MS = 20

preferSmallHeap()
const log = pino({ level: 'silent' })
await using app = await createApp(readConfig(process.env, { serves: false }), 'command', { log })
globalThis.gc?.()
const before = process.memoryUsage.rss()
let most = before
const watching = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss())
}, LOOK_EVERY_MS)
const started = performance.now()
const result = await auditUser(app, process.argv[2]!, { verify: true })
const ms = performance.now() - started
clearInterval(watching)
most = Math.max(most, process.resourceUsage().maxRSS * 1024)
if (result.kind !== 'audited') throw new Error(JSON.stringify(result))
console.log(JSON.stringify({ before, most, findings: result.audit.findings.length, ms }))
