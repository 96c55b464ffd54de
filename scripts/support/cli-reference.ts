/** The command line's own help, as one page. */

import type { Command } from 'commander'
import { commandsOf, createProgram } from '../../src/cli/program.ts'

const INTRODUCTION = `# Commands

What each command says with \`--help\`; made by \`npm run cli-reference\`, and compared with it by a test. Those that change
moods, records or accounts only say what they would do until they are given \`--execute\`. They end with 0 when all is well, 1
when something was found or failed, 2 when they were called or configured wrongly, 3 when something that is needed does not
answer. Ctrl+C stops them cleanly; the same command goes on where it stopped. The order of a launch is in
[the guide](../guides/launch.md).
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
