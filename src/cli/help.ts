/** How help looks: as wide as the terminal, with colours where it has them. */

import { stripVTControlCharacters, styleText } from 'node:util'
import type { Command } from 'commander'

/** Lines that nobody should have to read; also where there is no terminal to ask. */
const USUAL_WIDTH = 80

function bold(text: string): string {
  return styleText('bold', text, { validateStream: false })
}

function cyan(text: string): string {
  return styleText('cyan', text, { validateStream: false })
}

function width(): number {
  return process.stdout.columns ?? USUAL_WIDTH
}

/** Gives the help of a command its looks. Commander takes the colours out where there is no terminal, or NO_COLOR is set. */
export function dress(command: Command): void {
  command.configureHelp({
    styleTitle: bold,
    styleOptionTerm: cyan,
    styleSubcommandTerm: cyan,
    styleArgumentTerm: cyan,
  })
  command.configureOutput({ writeOut: (text) => process.stdout.write(wrap(text, width())), getOutHelpWidth: width })
}

/**
 * Breaks the lines that are too long. What follows begins below the text of the line: after its indentation, and after its
 * first column where it is a line of a table.
 *
 * @param most characters of a line; a word that is longer stays whole
 */
export function wrap(text: string, most: number): string {
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, most))
    .join('\n')
}

function wrapLine(line: string, most: number): string[] {
  if (stripVTControlCharacters(line).length <= most) return [line]
  const [start = ''] = /^ *(?:\S+ {2,})?/.exec(line) ?? []
  const indent = ' '.repeat(start.length)
  const lines: string[] = []
  let open = start
  let isEmpty = true
  for (const word of line.slice(start.length).split(' ')) {
    if (!isEmpty && stripVTControlCharacters(`${open} ${word}`).length > most) {
      lines.push(open)
      open = indent
      isEmpty = true
    }
    open += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, open]
}
