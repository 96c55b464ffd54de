/**
 * `npm run profiles`: the tests of the engine on each kind of PDS; `npm run profiles -- NAMES…` on these alone, and with `--few`
 * on two kinds, with the tests that tell most: what does not fit into each run of CI is left to whoever changes the engine.
 */

import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type Profile, profileOf, PROFILES } from '../support/profiles.ts'

const ENGINE = ['engine', 'changes', 'failures', 'crashes', 'erasure', 'rollback'].map(
  (name) => `test/integration/${name}.test.ts`,
)
const HISTORIES = 'test/faults/history.test.ts'

/** One that compares nothing and lets everything be written over, and one that refuses what it does not know. */
const FEW: readonly Profile[] = ['drops-swap', 'refuses-swap']
const TESTS_OF_FEW = ENGINE.slice(0, 2)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { few: { type: 'boolean', default: false } },
})
const named = positionals.map(profileOf)
const profiles = named.length > 0 ? named : values.few ? FEW : PROFILES
const tests = values.few ? TESTS_OF_FEW : [...ENGINE, HISTORIES]
const failed = profiles.filter((profile) => {
  console.log(`\non a PDS of the kind ${profile}:`)
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'sqlite', ...tests]
  const env = { ...process.env, MOODS_TEST_PROFILE: profile }
  return spawnSync(process.execPath, args, { env, stdio: 'inherit' }).status !== 0
})
console.log(failed.length === 0 ? `The engine holds on ${profiles.join(', ')}.` : `FAILED on ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
