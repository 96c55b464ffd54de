/** The command line's own help, as one page. */

import type { Command } from 'commander'
import { commandsOf, createProgram } from '../../src/cli/program.ts'

const INTRODUCTION = `# Commands

The \`--help\` of each command, written by \`npm run cli-reference\` and checked by a test. Commands that change moods, records or
accounts only report what they would do unless \`--execute\` is given. They exit with 0 on success, 1 when something was found
or failed, 2 on wrong usage or configuration, 3 when the PDS or the database does not answer. Ctrl+C stops them cleanly; run the
same command again to resume. The order of a launch is in [the guide](../guides/launch.md).
`

export function cliReference(): string {
  const program = createProgram(() => {})
  const sections = commandsOf(program)
    .filter((command) => command.commands.length === 0)
    .map((command) => `## moods ${nameOf(command)}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`)
  return [INTRODUCTION, ...sections].join('\n')
}

function nameOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name()
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 100 })
  command.outputHelp()
  // The variables are listed once, in the reference of the configuration.
  return (text.split('\nConfigured by environment variables')[0] ?? '').trim()
}
