/** Writes docs/reference/cli.md from what each command says of itself with `--help`, and docs/reference/json from its documents. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cliReference, jsonReference } from './support/cli-reference.ts'

const SCHEMAS = 'docs/reference/json'

writeFileSync('docs/reference/cli.md', cliReference())
rmSync(SCHEMAS, { recursive: true, force: true })
mkdirSync(SCHEMAS)
for (const [file, schema] of jsonReference()) {
  writeFileSync(`${SCHEMAS}/${file}`, `${JSON.stringify(schema, null, 2)}\n`)
}
