/** Fails when src/lexicons is not what the lexicons give. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'moods-lexicons-'))
try {
  const options = ['--lexicons', 'lexicons', '--import-ext', '.ts', '--lib', '@atproto/lex-schema', '--index-file']
  execFileSync('lex', ['build', ...options, '--out', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  execFileSync('diff', ['-r', folder, 'src/lexicons'], { stdio: 'inherit' })
} catch (error) {
  console.error('src/lexicons is out of date: npm run lexicons', error)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true })
}
