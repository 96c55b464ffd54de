/** Words of a command line that are meant for a command and name none. */

import type { Command } from 'commander'
import { Nearest } from '../domain/near.ts'

/**
 * Ends a command line whose words name no command, with those that are near. Without this, a group that has a default takes
 * the word for an argument of that, and `help` shows the help of something else.
 *
 * @param args without the name of the program
 * @throws CommanderError after the error is printed
 */
export function requireCommand(program: Command, args: readonly string[]): void {
  let at = program
  let isHelp = false
  for (const word of args) {
    if (['-h', '--help', '-v', '--version'].includes(word)) return
    if (at.commands.length === 0 && !isHelp) return
    if (word.startsWith('-')) continue
    const next = at.commands.find((command) => command.name() === word)
    if (next) at = next
    else if (word === 'help' && !isHelp) isHelp = true
    else at.error(unknown(at, word), { exitCode: 2, code: 'commander.unknownCommand' })
  }
}

function unknown({ commands }: Command, word: string): string {
  const near = new Nearest(word)
  for (const command of commands) near.look(command.name(), command.name())
  const [first, ...others] = near.found
  if (first === undefined) return `error: unknown command '${word}'`
  return `error: unknown command '${word}'\n(Did you mean ${others.length === 0 ? first : `one of ${near.found.join(', ')}`}?)`
}
