/** Fails when the generated code is not what the lexicons give: our own, and those of the methods that we call. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MADE = [
  { of: 'lexicons', code: 'src/lexicons', more: ['--index-file'] },
  { of: 'lexicons-atproto', code: 'src/pds/lexicons', more: [] },
]

for (const { of, code, more } of MADE) {
  const folder = mkdtempSync(join(tmpdir(), 'moods-lexicons-'))
  try {
    const options = ['--lexicons', of, '--import-ext', '.ts', '--lib', '@atproto/lex-schema', ...more]
    execFileSync('lex', ['build', ...options, '--out', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
    execFileSync('diff', ['-r', folder, code], { stdio: 'inherit' })
  } catch (error) {
    console.error(`${code} is out of date: npm run lexicons`, error)
    process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}
