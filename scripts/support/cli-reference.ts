/** The command line's own help, as one page; and the documents that it prints, as JSON Schemas. */

import type { Command } from 'commander'
import { EXIT_CODES, EXIT_CODES_HELP } from '../../src/cli/exit.ts'
import { type Documented, DOCUMENTS, schemaOf } from '../../src/cli/json/documents.ts'
import { wrap } from '../../src/cli/help.ts'
import { commandsOf, createProgram, nameOf } from '../../src/cli/program.ts'

const WIDTH = 100

const INTRODUCTION = `# Commands

The \`--help\` of each command, written by \`npm run cli-reference\` and checked by a test. Commands that change moods, records or
accounts only report what they would do unless \`--execute\` is given. Ctrl+C stops them cleanly; run the same command again to
resume. The order of a launch is in [the guide](../guides/launch.md).

| exit code | meaning, for every command |
|---|---|
${EXIT_CODES.map(({ code, meaning }) => `| ${code} | ${meaning} |`).join('\n')}

Where both 1 and 3 apply, it is 1. What a dry run would do is its plan, and no finding. Commands that only print numbers, such
as \`report\`, judge none of them.

Through \`npx\`, Ctrl+C may end with 130 instead: the command stops just as cleanly, but \`npx\` runs it in a shell, and some
shells (dash, the \`sh\` of Debian and Ubuntu) are then ended by the Ctrl+C themselves. A script that needs the codes of this table
calls the command without \`npx\`: \`node_modules/.bin/node bin/moods.js\` in a clone, \`node_modules/.bin/moods\` where the package
is installed.

With \`--json\` a command prints one document on standard output and nothing else there, also when it fails. Each begins with
\`command\`, the \`version\` of moods, \`ok\` (the exit code is 0) and \`complete\` (everything was looked at, without an interruption);
a failure has \`error\`, with a stable \`code\` and a \`message\`. Times are ISO 8601 in UTC. Every document is described by a
[JSON Schema](json), and nothing is printed that its schema does not name. A wrong command line is reported the same way as soon
as the command itself is known.
`

export function cliReference(): string {
  const program = createProgram(() => {})
  const sections = commandsOf(program)
    .filter((command) => command.commands.length === 0)
    .map((command) => `## moods ${nameOf(command)}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`)
  return [INTRODUCTION, ...sections].join('\n')
}

/** The schema of each document, with the name of its file. */
export function jsonReference(): [string, object][] {
  return Object.keys(DOCUMENTS).map((command) => {
    return [`${command.replace(' ', '-')}.json`, schemaOf(command as Documented)]
  })
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += wrap(part, WIDTH)), getOutHelpWidth: () => WIDTH })
  command.outputHelp()
  // The variables are listed once, in the reference of the configuration; the exit codes above.
  const [own = ''] = text.split('\nConfigured by environment variables')
  return own.replace(EXIT_CODES_HELP, '').trim()
}
