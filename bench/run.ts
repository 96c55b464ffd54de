/**
 * `npm run bench`: ratios against bare baselines, measured side by side in one run. Run it alone. `npm run bench -- posts`
 * and the like run one part.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { audits } from './audit.ts'
import { backfills } from './backfill.ts'
import { comparing } from './comparing.ts'
import { postRows } from './http.ts'
import { dataRows } from './data.ts'
import { memory } from './memory.ts'
import { proofs } from './proof.ts'
import type { Row } from './rows.ts'
import { storeRows } from './stores.ts'

const PARTS = {
  backfills,
  audits,
  proofs,
  memory,
  comparing,
  posts: postRows,
  stores: storeRows,
  data: dataRows,
} as const
const FILE = 'bench/results/latest.json'

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !(name in PARTS))
if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}, only ${Object.keys(PARTS).join(', ')}`)
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
// Of parts that are not run now, the last result stays.
const before = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as { parts?: Record<string, Row[]> }) : {}
const parts: Record<string, Row[]> = {}
for (const name of Object.keys(PARTS)) parts[name] = before.parts?.[name] ?? []
for (const [name, measure] of Object.entries(PARTS)) {
  if (chosen.length === 0 || chosen.includes(name)) parts[name] = await measure()
}
console.table(Object.values(parts).flat())
mkdirSync('bench/results', { recursive: true })
writeFileSync(FILE, `${JSON.stringify({ machine, parts }, null, 2)}\n`)
console.log(`on ${machine}; written to ${FILE}`)
