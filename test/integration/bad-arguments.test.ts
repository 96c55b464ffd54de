/** What a command cannot take it refuses before it does anything: exit 2, plain words on standard error, no result. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { commandsOf, createProgram, nameOf } from '../../src/cli/program.ts'
import { runMoods } from '../support/process.ts'
import { createSite, type Site } from '../support/site.ts'

let site: Site
beforeAll(async () => {
  site = await createSite()
  await site.pds.up()
  await site.app.accounts.signUp('u1', 'alice')
}, 60_000)
afterAll(() => site[Symbol.asyncDispose]())

const NO_USER = /there is no user @nobody/
const NO_FILE = /nope/

/** For every command, a bad value of each argument and option, and what is said of it. */
const BAD: readonly (readonly [string, RegExp])[] = [
  ['doctor --live @nobody', NO_USER],
  ['show nobody', /nothing called nobody here/],
  ['proof nobody', /nothing called nobody here/],
  ['lexicon validate --file nope.json', NO_FILE],
  ['lexicon publish --did nonsense', /nonsense/],
  ['lexicon publish --did did:plc:aaaaaaaaaaaaaaaaaaaaaaaa --password-env NOT_SET --execute', /NOT_SET must hold/],
  ['lexicon publish --plc nonsense', /--plc is an http or https URL/],
  ['lexicon publish --file nope.json', NO_FILE],
  ['lexicon check --did nonsense', /nonsense/],
  ['lexicon check --name-server nonsense', /nonsense/],
  ['lexicon check --plc nonsense', /--plc is an http or https URL/],
  ['lexicon check --file nope.json', NO_FILE],
  ['federation off --reason', /argument missing/],
  ['federation on --reason', /argument missing/],
  ['federation percent 10 --reason', /argument missing/],
  ['federation percent some', /a share from 0 to 100/],
  ['federation percent 10 @nobody', NO_USER],
  ['federation allow @alice --reason', /argument missing/],
  ['federation allow @nobody', NO_USER],
  ['accounts provision @nobody', NO_USER],
  ['accounts check @nobody', NO_USER],
  ['accounts check --after', /argument missing/],
  ['accounts rehost nonsense http://localhost:1', /nonsense is no address of a PDS/],
  ['accounts rehost http://localhost:1 http://localhost:1/path', /path is no address of a PDS/],
  ['accounts replace @nobody', NO_USER],
  ['accounts replace', /name users, or give --gone/],
  ['accounts replace @alice --gone', /name users, or give --gone/],
  ['backfill @nobody', NO_USER],
  ['backfill --limit-users 0', /a whole number, 1 or more/],
  ['backfill --rate fast', /a whole number, 1 or more/],
  ['backfill --delay-ms -1', /a whole number, 1 or more/],
  ['backfill --report /no/such/folder/report.json --execute', /no\/such\/folder/],
  ['audit @nobody', NO_USER],
  ['audit --limit 1.5', /a whole number, 1 or more/],
  ['repair @nobody', NO_USER],
  ['repair --finding nonsense', /Allowed choices are/],
  ['retry --reason Nonsense', /with the reason Nonsense/],
  ['report --since soon', /a duration such as/],
  ['erase @nobody', NO_USER],
  ['erase --restored nope.ndjson', NO_FILE],
  ['store copy --from sqlite:nope --to mongodb://localhost', NO_FILE],
  ['store copy --from nonsense --to mongodb://localhost', /--from|sqlite/],
  ['store copy --from sqlite:nope --to nonsense', /--to|mongodb/],
  ['store copy --from sqlite:nope --to mongodb://localhost --name a/b', /a\/b/],
  ['completion fush', /Allowed choices are/],
]

const COMMANDS = commandsOf(createProgram(() => {})).filter((command) => command.commands.length === 0)
const NAMES = COMMANDS.map((command) => nameOf(command))

it.each(BAD)('moods %s', async (line, message) => {
  const plain = await runMoods(line.split(' '), site.env)
  expect(plain).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) })
  expect(plain.stderr).not.toMatch(/^\s+at /m)
  // It has no result.
  if (line.startsWith('completion')) return
  const name = NAMES.findLast((each) => `${line} `.startsWith(`${each} `))!
  const { code, stdout } = await runMoods(line.replace(name, `${name} --json`).split(' '), site.env)
  expect([code, JSON.parse(stdout)]).toMatchObject([
    2,
    {
      ok: false,
      complete: false,
      error: { code: expect.stringMatching(/^(usage|config)$/), message: expect.stringMatching(message) },
    },
  ])
})

it('is tried for every argument and every option that takes a value', () => {
  const missing = COMMANDS.flatMap((command) => {
    const name = nameOf(command)
    const lines = BAD.map(([line]) => line).filter((line) => `${line} `.startsWith(`${name} `))
    const isTried = (option: string): boolean => lines.some((line) => line.split(' ').includes(option))
    const options = command.options.filter((option) => option.required || option.optional).map(({ long }) => long!)
    const withArguments = lines.filter((line) => /^[^-]/.test(line.slice(name.length + 1)))
    const untried = options.filter((option) => !isTried(option)).map((option) => `${name} ${option}`)
    return withArguments.length < command.registeredArguments.length ? untried.concat(`${name}: an argument`) : untried
  })
  expect(missing).toEqual([])
})

it.each([
  ['federation of', /unknown command 'of'\n\(Did you mean one of off, on\?\)/],
  ['federation --json of', /unknown command 'of'\n\(Did you mean one of off, on\?\)/],
  ['help stauts', /unknown command 'stauts'\n\(Did you mean status\?\)/],
  ['help federation of', /unknown command 'of'\n\(Did you mean one of off, on\?\)/],
  ['federation help of', /unknown command 'of'/],
  ['accounts lst', /unknown command 'lst'\n\(Did you mean list\?\)/],
  ['xyzzy', /unknown command 'xyzzy'\n\(moods --help lists what there is\)/],
])('a word that is no command is told apart from one: moods %s', async (line, message) => {
  expect(await runMoods(line.split(' '), site.env)).toEqual({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(message),
  })
})

it.each(['help', 'help status', 'help federation off', 'federation help off', 'help federation --help'])(
  'help is given for what there is: moods %s',
  async (line) => {
    const { code, stdout, stderr } = await runMoods(line.split(' '), site.env)
    expect([code, stderr, stdout]).toEqual([0, '', expect.stringMatching(/^Usage: moods/)])
  },
)
