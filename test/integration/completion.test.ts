/** `moods completion`, in the real shells: each is asked what may follow a line that somebody has begun. */

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { EXIT_CODES } from '../../src/cli/exit.ts'
import { REPAIRABLE } from '../../src/domain/finding-kinds.ts'
import { commandsOf, createProgram } from '../../src/cli/program.ts'
import { runMoods } from '../support/process.ts'

function run(program: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', cwd: 'lexicons' })
  expect([status, stderr]).toEqual([0, ''])
  return stdout
}

/** How each shell is asked. The last word is the one that is being written. @returns a script, and what prints the words */
const SHELLS = {
  bash: {
    args: (script: string, words: readonly string[]) => [
      '--norc',
      '-c',
      `source /dev/stdin <<< "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _moods; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      script,
      ...words,
    ],
  },
  zsh: {
    args: (script: string, words: readonly string[]) => [
      '-f',
      '-c',
      // The functions of zsh's own completion take what would be offered; here they print it.
      `compdef() { }; _describe() { print -l -- "\${(@P)2%%:*}" }; compadd() { shift; print -l -- "$@" }; _files() { print -l -- * }
       eval "$1"; shift; words=("$@"); CURRENT=$#; _moods`,
      'zsh',
      script,
      ...words,
    ],
  },
  fish: {
    args: (script: string, words: readonly string[]) => [
      '--no-config',
      '-c',
      `echo $argv[1] | source; complete --do-complete (string join ' ' -- $argv[2..-1]) | string replace --regex '\\t.*' ''; true`,
      script,
      ...words,
    ],
  },
} as const

const topLevel = createProgram(() => {}).commands.map((command) => command.name())

describe.each(Object.keys(SHELLS) as (keyof typeof SHELLS)[])('moods completion %s', (shell) => {
  const isThere = spawnSync(shell, ['--version']).status === 0

  async function after(...words: readonly string[]): Promise<string[]> {
    const { code, stdout: script } = await runMoods(['completion', shell], {})
    expect(code).toBe(EXIT_CODES[0].code)
    const typed = words.at(-1)!
    return run(shell, ...SHELLS[shell].args(script, ['moods', ...words]))
      .split('\n')
      .filter((word) => word !== '' && word.startsWith(typed))
  }

  it('completes commands and their parts', async (context) => {
    if (!isThere) context.skip(`there is no ${shell} on this machine`)
    expect(await after('')).toEqual(expect.arrayContaining(topLevel))
    expect(await after('rep')).toEqual(expect.arrayContaining(['repair', 'report']))
    expect(await after('rep')).toHaveLength(2)
    const parts = await after('accounts', '')
    expect(parts).toEqual(expect.arrayContaining(['list', 'provision', 'seal', 'check']))
    expect(parts).not.toContain('audit')
    expect(await after('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']))
  })

  it('completes options, and their values', async (context) => {
    if (!isThere) context.skip(`there is no ${shell} on this machine`)
    const options = await after('repair', '@alice', '--')
    expect(options.toSorted()).toEqual(['--execute', '--finding', '--help', '--json', '--modernise'])
    expect((await after('repair', '--finding', '')).toSorted()).toEqual([...REPAIRABLE].toSorted())
    expect(await after('repair', '--finding', 'le')).toEqual(['leaked'])
    expect(await after('backfill', '--rate', '')).toEqual([])
    // Files of the folder that the shell is in.
    expect((await after('lexicon', 'validate', '--file', 'comp')).map((name) => name.replace(/\/$/, ''))).toEqual([
      'computer',
    ])
  })

  it('knows every option of every command', async (context) => {
    if (!isThere) context.skip(`there is no ${shell} on this machine`)
    const { stdout } = await runMoods(['completion', shell], {})
    const options = commandsOf(createProgram(() => {})).flatMap((command) => command.options)
    for (const { long } of options) expect(stdout).toContain(shell === 'fish' ? long!.slice(2) : long)
  })
})

it('moods completion rejects other shells, and lists those it knows', async () => {
  const { code, stdout, stderr } = await runMoods(['completion', 'tcsh'], {})
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain('Allowed choices are bash, zsh, fish.')
})
