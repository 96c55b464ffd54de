/**
 * Brings package-lock.json up to date, and notes in it that better-sqlite3 needs no compiler (docs/decisions/0007).
 */

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const FILE = 'package-lock.json'
const PREBUILT = 'node_modules/better-sqlite3'

// Whoever changes dependencies sees the warnings that .npmrc keeps from everyone else.
execFileSync('npm', ['install', '--loglevel', 'notice'], { stdio: 'inherit' })
const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, { gypfile?: boolean }> }
lock.packages[PREBUILT]!.gypfile = false
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`)
