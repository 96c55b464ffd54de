/** The commands of a guide, as its readers type them. */

import { readFileSync } from 'node:fs'

/** Every line of the guide's blocks of shell, in order. @param heading where to stop reading; null to read all of it */
export function shellLines(file: string, heading: string | null = null): string[] {
  const whole = readFileSync(file, 'utf8')
  const end = heading === null ? whole.length : whole.indexOf(`\n## ${heading}\n`)
  if (end < 0) throw new Error(`${file} has no "${heading}"`)
  const blocks = [...whole.slice(0, end).matchAll(/^```sh\n(.*?)^```$/gms)]
  return blocks.flatMap(([, block]) => block!.trimEnd().split('\n'))
}

/** Names of the variables that the guide has its readers set. */
export function exportedNames(lines: readonly string[]): string[] {
  return lines
    .filter((line) => line.startsWith('export '))
    .flatMap((line) => [...line.matchAll(/(?<=\s)([A-Z_]+)=/g)].map(([, name]) => name!))
}

/**
 * The words of a line, as a shell reads them: quotes are taken off, and a variable in double quotes is replaced.
 *
 * @throws Error for what only a real shell understands
 */
export function wordsOf(line: string, env: Readonly<Record<string, string>>): string[] {
  const variable = (_: string, name: string): string => {
    const value = env[name]
    if (value === undefined) throw new Error(`${name} is not set for: ${line}`)
    return value
  }
  const words = line.match(/'[^']*'|"[^"]*"|\S+/g) ?? []
  return words.map((word) => {
    if (word.startsWith("'")) return word.slice(1, -1)
    if (word.startsWith('"')) return word.slice(1, -1).replaceAll(/\$([A-Z_]+)/g, variable)
    if (/['"$|;&<>\\]/.test(word)) throw new Error(`only a shell understands ${word} in: ${line}`)
    return word
  })
}
