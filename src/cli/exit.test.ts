/** Exit codes: one meaning for every command. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EXIT_CODES, type ExitCode, exitCodeOf } from './exit.ts'
import { commandsOf, createProgram, nameOf } from './program.ts'
import { runCommandLine } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'moods-exit-'))
const SILENT = 'http://127.0.0.1:1'
const SILENT_DATABASE = 'mongodb://127.0.0.1:1/'
const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

/** What a command cannot do without. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  completion: ['bash'],
  'lexicon publish': ['--did', DID, '--plc', SILENT],
  'lexicon check': ['--did', DID, '--plc', SILENT],
  'federation percent': ['10'],
  'federation allow': ['@alice'],
  'accounts rehost': ['http://127.0.0.1:2', SILENT],
  'accounts replace': ['u-alice'],
  rollback: ['--strip-references'],
  show: ['u-alice'],
  proof: ['u-alice'],
  erase: ['u-alice'],
  'store copy': ['--from', `sqlite:${join(folder, 'moods.sqlite')}`, '--to', SILENT_DATABASE],
}

/** Commands that end otherwise than with 3 where neither database nor PDS answers, and why that is right. */
const OTHERWISE: Readonly<Record<string, ExitCode>> = {
  // Reads files alone.
  'lexicon validate': 0,
  // Prints what it knows already.
  completion: 0,
  // A silent database is what it is asked to find.
  doctor: 1,
}

/** Commands that need no configuration, or report what is wrong with it. */
const NO_CONFIGURATION: Readonly<Record<string, string>> = {
  'lexicon validate': 'reads a file',
  completion: 'reads nothing',
  'store copy': 'is given both addresses',
  doctor: 'counts it as a problem that it was asked to find',
}

const leaves = commandsOf(createProgram(() => {})).filter((command) => command.commands.length === 0)
const names = leaves.map(nameOf)

function allOf(commands: readonly string[], code: ExitCode): Record<string, ExitCode> {
  return Object.fromEntries(commands.map((name) => [name, code]))
}

/** How each of these commands ends. Side by side: most of them wait for what does not answer. */
async function codes(
  commands: readonly string[],
  argumentsOf = (name: string) => ARGUMENTS[name] ?? [],
): Promise<Record<string, ExitCode>> {
  const ended = commands.map(
    async (name) => [name, await runCommandLine([...name.split(' '), ...argumentsOf(name)])] as const,
  )
  return Object.fromEntries(await Promise.all(ended))
}

beforeEach(() => {
  for (const method of ['log', 'error'] as const) vi.spyOn(console, method).mockImplementation(() => {})
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation(() => true)
  vi.stubEnv('MOODS_DATA', folder)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('exit codes', () => {
  it('what was found wins over what could not be reached', () => {
    expect(exitCodeOf({ needsSomebody: false, complete: true })).toBe(0)
    expect(exitCodeOf({ needsSomebody: true, complete: true })).toBe(1)
    expect(exitCodeOf({ needsSomebody: true, complete: false })).toBe(1)
    expect(exitCodeOf({ needsSomebody: false, complete: false })).toBe(3)
    // What is odd was looked at, and could not be read all the same.
    expect(exitCodeOf({ needsSomebody: false, complete: true, odd: true })).toBe(3)
    expect(exitCodeOf({ needsSomebody: true, complete: true, odd: true })).toBe(1)
    expect(exitCodeOf({ needsSomebody: false, complete: true, odd: false })).toBe(0)
  })

  it('the help prints the table, and the help of every command only names it', () => {
    const help = (command: Command): string => {
      let text = ''
      command.configureOutput({ writeOut: (part) => (text += part) })
      command.outputHelp()
      return text
    }
    const all = help(createProgram(() => {}))
    for (const { code, meaning } of EXIT_CODES) expect(all).toContain(`  ${code}  ${meaning}`)
    for (const command of leaves) {
      expect(help(command).match(/exit code/gi)).toHaveLength(1)
      expect(help(command)).toContain('Exit codes: see moods --help.')
    }
  })

  it('every command ends with 2 when it is called wrongly, and with 0 when it is asked for help', async () => {
    expect(await codes(names, () => ['--no-such-option'])).toEqual(allOf(names, 2))
    expect(await codes(names, () => ['--help'])).toEqual(allOf(names, 0))
  })

  it('every command that reads the configuration ends with 2 when that is wrong', async () => {
    writeFileSync(join(folder, 'moods.sqlite'), '')
    vi.stubEnv('PDS_TIMEOUT_MS', 'soon')
    const readers = names.filter((name) => !(name in NO_CONFIGURATION))
    expect(await codes(readers)).toEqual(allOf(readers, 2))
  })

  it('every command ends with 3 when nothing answers', async () => {
    writeFileSync(join(folder, 'moods.sqlite'), '')
    const settings = {
      MONGODB_URI: SILENT_DATABASE,
      PDS_URL: SILENT,
      PLC_URL: SILENT,
      PDS_ADMIN_PASSWORD: 'secret',
      MOODS_SEAL_KEY: Buffer.alloc(32).toString('base64'),
      AUTH_ISSUER: 'https://issuer.invalid/',
      AUTH_AUDIENCE: 'moods',
    }
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value)
    const together = names.filter((name) => name !== 'serve')
    expect(await codes(together)).toEqual({ ...allOf(together, 3), ...OTHERWISE })
    // Not beside `moods all`, which locks the same folder.
    expect(await codes(['serve'])).toEqual({ serve: 3 })
  })
})
