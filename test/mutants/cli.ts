/**
 * `npm run mutants`: plants one bug at a time in a copy of the project, and sees whether the tests notice. `npm run mutants
 * -- WORDS` plants those whose description has these words.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { temporaryFolder } from '../support/installation.ts'
import { MUTANTS } from './list.ts'
import type { Mutant } from './mutant.ts'

const COPIED = [
  'src',
  'test',
  'bin',
  'docs',
  'lexicons',
  'scripts',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'README.md',
]
const USUAL_STORE = 'sqlite'

/** For the tests of one bug; and for all of them, without any. */
const LIMIT_MS = 180_000
const LIMIT_OF_ALL_MS = 900_000

/** @returns what became of it; only `caught` is well */
function plant(
  folder: string,
  { file, find, replace, tests, store = USUAL_STORE }: Mutant,
): 'caught' | 'SURVIVED' | 'NOT PLANTED' {
  const path = join(folder, file)
  const original = readFileSync(path, 'utf8')
  if (original.split(find).length !== 2) return 'NOT PLANTED'
  writeFileSync(
    path,
    original.replace(find, () => replace),
  )
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    store,
    '--bail',
    '1',
    '--testTimeout',
    '20000',
    ...tests,
  ]
  const { status } = spawnSync(process.execPath, args, { cwd: folder, timeout: LIMIT_MS, stdio: 'ignore' })
  writeFileSync(path, original)
  return status === 0 ? 'SURVIVED' : 'caught'
}

await using folder = await temporaryFolder()
for (const name of COPIED) cpSync(name, join(folder.path, name), { recursive: true })
for (const name of ['node_modules', 'dist']) symlinkSync(resolve(name), join(folder.path, name))

const words = process.argv.slice(2).join(' ')
const chosen = MUTANTS.filter(({ bug }) => bug.includes(words))
if (chosen.length === 0) throw new Error(`no bug is described with the words ${words}`)
for (const [store, mutants] of Map.groupBy(chosen, (mutant) => mutant.store ?? USUAL_STORE)) {
  const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))]
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', store, ...tests]
  if (spawnSync(process.execPath, args, { cwd: folder.path, timeout: LIMIT_OF_ALL_MS, stdio: 'ignore' }).status !== 0) {
    throw new Error(`the tests fail without any bug planted: npx vitest run --project ${store} ${tests.join(' ')}`)
  }
}

let failed = 0
for (const [i, mutant] of chosen.entries()) {
  const started = performance.now()
  const result = plant(folder.path, mutant)
  if (result !== 'caught') failed++
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(
    `${String(i + 1).padStart(2)}/${chosen.length} ${result.padEnd(12)} ${seconds.padStart(3)} s  ${mutant.bug}`,
  )
}
console.log(failed === 0 ? 'Every bug was noticed.' : `${failed} were not.`)
process.exitCode = failed === 0 ? 0 : 1
