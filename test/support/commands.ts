/** Commands that texts name, compared with the reference of the command line, which another test compares with the code. */

import { readFileSync } from 'node:fs'

const REFERENCE = readFileSync('docs/reference/cli.md', 'utf8')

/** Options of each command, by its full name without `moods`. */
const OPTIONS = new Map(
  REFERENCE.split(/^## moods /m)
    .slice(1)
    .map((section) => {
      const [name = ''] = section.split('\n', 1)
      return [name, new Set([...section.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option!))] as const
    }),
)

/** Commands in double quotes, as in `"moods retry --execute"`. */
export function commandsIn(text: string): string[] {
  return [...text.matchAll(/"moods ([^"]+)"/g)].map(([, command]) => command!)
}

/** Whether there is such a command, and each option in it is one that it takes. */
export function isCommand(line: string): boolean {
  const words = line.split(' ')
  const options = [words.slice(0, 2).join(' '), words[0]!].map((name) => OPTIONS.get(name)).find((found) => found)
  return options !== undefined && words.filter((word) => word.startsWith('--')).every((word) => options.has(word))
}
