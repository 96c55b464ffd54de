/** Every command that a text of the product names can be copied as it stands, and does what the text says of it. */

import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { shellLines } from './support/guide.ts'
import { commandsIn, wrongWith } from './support/commands.ts'

/** The texts of a source file, without its comments; what is put in between stands there as a number, which every option takes. */
function textsOf(file: string): string {
  const code = readFileSync(file, 'utf8')
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
  return code.replaceAll(/\$\{[^{}]*\}/g, ' 10')
}

const FILES = globSync('src/**/*.{ts,tsx}').filter((file) => !file.endsWith('.test.ts'))
const NAMED = FILES.flatMap((file) => commandsIn(textsOf(file)).map((command) => [file, command] as const)).filter(
  // The name of a process, whatever it is.
  ([, command]) => command !== ' 10',
)

it('finds the commands in the texts', () => {
  expect(NAMED.length).toBeGreaterThan(30)
})

it.each(NAMED)('%s names a command that does something: moods %s', (_, command) => {
  expect(wrongWith(command)).toBeNull()
})

it.each([
  ['federation', null],
  ['federation on', 'lacks --execute'],
  ['federation of', expect.any(String)],
  ['retry --reason', expect.any(String)],
  ['backfill --limit-users some', expect.any(String)],
  ["show 'idp|7'", null],
  ['show', expect.any(String)],
  ['erase --open', null],
])('tells what is wrong with moods %s', (command, wrong) => {
  expect(wrongWith(command)).toEqual(wrong)
})

it.each(['README.md', ...globSync('docs/**/*.md').filter((file) => !file.includes('reference'))])(
  'the blocks of shell in %s hold commands that there are',
  (file) => {
    const lines = shellLines(file).filter((line) => line.startsWith('npx moods '))
    const wrong = lines.map((line) =>
      wrongWith(
        line
          .replace('npx moods ', '')
          .replace(/ [#>].*$/, '')
          .replaceAll(/"[^"]*"/g, "'x'"),
      ),
    )
    expect(wrong.filter((each) => each !== null && each !== 'lacks --execute')).toEqual([])
  },
)
