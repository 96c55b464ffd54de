/** Writes docs/reference/cli.md from what each command says of itself with `--help`. */

import { writeFileSync } from 'node:fs'
import { cliReference } from './support/cli-reference.ts'

writeFileSync('docs/reference/cli.md', cliReference())
