/** Commands that texts name, parsed as the product parses them. */

import { Command } from 'commander'
import { commandsOf, createProgram } from '../../src/cli/program.ts'

/** Commands in double quotes, as in `"moods retry --execute"`. */
export function commandsIn(text: string): string[] {
  return [...text.matchAll(/"moods ([^"]+)"/g)].map(([, command]) => command!)
}

/** Forms of commands that only look, of commands that otherwise change something. */
const LOOKS = /^erase --(open|tombstones)\b/

/**
 * What is wrong with a command line; null for one that can be copied and does what it says.
 *
 * @param line without `moods`; a command with a dry run has to say `--execute`, since nobody is told to change nothing
 */
export function wrongWith(line: string): string | null {
  let parsed: Command | null = null
  const program = createProgram(() => {})
  for (const command of [program, ...commandsOf(program)]) {
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
    if (command.commands.length === 0) command.action(() => void (parsed = command))
  }
  const words = (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''))
  try {
    program.parse(words, { from: 'user' })
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const { options = [] } = (parsed as Command | null) ?? {}
  const hasDryRun = options.some(({ long }) => long === '--execute')
  return hasDryRun && !words.includes('--execute') && !LOOKS.test(line) ? 'lacks --execute' : null
}
