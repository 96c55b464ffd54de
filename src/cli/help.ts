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
    formatItem: (term, termWidth, description) => {
      const column = `${INDENT}${term}${' '.repeat(termWidth - shown(term))}  `
      if (description === '') return INDENT + term
      return isWide(termWidth + 4, width()) ? beneath(INDENT + term, description) : column + description
    },
  })
  command.configureOutput({ writeOut: (text) => process.stdout.write(wrap(text, width())), getOutHelpWidth: width })
}

const INDENT = '  '

/** Fewer characters a line are no column: the text goes below what it explains. */
const NARROWEST = 30

function isWide(column: number, most: number): boolean {
  return column > most - NARROWEST
}

function beneath(term: string, text: string): string {
  return `${term}\n${INDENT.repeat(3)}${text}`
}

/**
 * Breaks the lines that are too long. What follows begins below the text of the line: after its indentation, and after its
 * first column where it is a line of a table. Where that leaves too little room, the text begins on a line of its own.
 *
 * @param most characters of a line; a word that is longer stays whole
 */
export function wrap(text: string, most: number): string {
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, most))
    .join('\n')
}

function shown(text: string): number {
  return stripVTControlCharacters(text).length
}

function wrapLine(line: string, most: number): string[] {
  if (shown(line) <= most) return [line]
  const [start = ''] = /^ *(?:\S+(?: \S+)* {2,})?/.exec(line) ?? []
  const rest = line.slice(start.length)
  if (start.trim() !== '' && isWide(shown(start), most)) return wrap(beneath(start.trimEnd(), rest), most).split('\n')
  const indent = ' '.repeat(shown(start))
  const lines: string[] = []
  let open = start
  let isEmpty = true
  for (const word of rest.split(' ')) {
    if (!isEmpty && shown(`${open} ${word}`) > most) {
      lines.push(open.trimEnd())
      open = indent
      isEmpty = true
    }
    open += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, open]
}
