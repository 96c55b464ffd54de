/** What programs are told with `--json`. `runMoods` holds each document to its schema, here and in all other tests. */

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DOCUMENTS, schemaOf } from '../../src/cli/json/documents.ts'
import { VERSION } from '../../src/version.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'

const failed = { version: VERSION, ok: false, complete: false }

describe('--json', () => {
  it('prints an error as a document, beside the line for people', async () => {
    await using folder = await temporaryFolder()
    const { code, stdout, stderr } = await runMoods(
      ['status', '--json'],
      environment(join(folder.path, 'data'), { MONGODB_URI: '', MONGODB_NAME: '' }),
    )
    const message = expect.stringContaining('there is nothing in') as string
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toEqual({ ...failed, command: 'status', error: { code: 'data_folder', message } })
    expect(stderr).toMatch(/^moods: there is nothing in .*\n$/)
  })

  it('prints a wrong configuration as a document', async () => {
    await using folder = await temporaryFolder()
    const { code, stdout } = await runMoods(['audit', '--json'], environment(folder.path, { LOG_LEVEL: 'loud' }))
    expect([code, JSON.parse(stdout)]).toMatchObject([2, { ...failed, command: 'audit', error: { code: 'config' } }])
  })

  it.each(Object.keys(DOCUMENTS))(
    'prints a wrong option of moods %s as a document of that command',
    async (command) => {
      const { code, stdout, stderr } = await runMoods([...command.split(' '), '--no-such-option', '--json'], {})
      const document = JSON.parse(stdout) as { error: { message: string } }
      const message = expect.stringMatching(/^(un|requi)\w+ option '--/) as string
      expect([code, document]).toEqual([2, { ...failed, command, error: { code: 'usage', message } }])
      expect(stderr).toContain(`error: ${document.error.message}`)
    },
  )

  it.each(['nonsense', 'accounts', 'accounts nonsense'])(
    'prints no document of moods %s, which is no command that does anything',
    async (words) => {
      const { code, stdout } = await runMoods([...words.split(' '), '--json'], {})
      expect([code, stdout]).toEqual([2, ''])
    },
  )
})

/** Command lines that work, for every command and each kind of its work. */
const LINES = [
  'doctor',
  'doctor --live @alice',
  'status',
  'show @alice',
  'lexicon validate',
  'lexicon publish --execute',
  'lexicon check',
  'federation status',
  'federation percent 10',
  'federation allow @alice',
  'federation on --execute --reason tests',
  'accounts list',
  'accounts provision --execute',
  'accounts seal --execute',
  'accounts check',
  'accounts rehost http://localhost:1 PDS',
  'accounts replace --gone',
  'backfill',
  'audit',
  'proof @alice',
  'proof @alice --check',
  'repair',
  'repair @alice --execute',
  'retry',
  'report',
  'data check',
  'data mend',
  'data mend --execute',
  'data mend --undo',
  'federation off --execute',
  'rollback --strip-references',
  'erase @alice',
  'erase --open',
  'erase @bob --execute',
  'erase --restored',
  'erase --tombstones',
]

/** `store copy` needs both stores: mongo-copy.test.ts; `relays crawl` needs a relay: relay-words.test.ts. */
const ELSEWHERE = ['store copy', 'relays crawl']

it('every command prints a document that says how it went', async () => {
  await using folder = await temporaryFolder()
  await using app = await startApp(folder.path, { role: 'serve' })
  for (const name of ['alice', 'bob']) {
    await app.accounts.signUp(`u-${name}`, name)
    await app.moods.post(`u-${name}`, { mood: `personal, of ${name}` })
    await app.moods.post(`u-${name}`, { mood: `private, of ${name}`, isPrivate: true })
  }
  await app.engine.drain()
  const seen = new Set<string>()
  for (const line of LINES) {
    const { code, stdout } = await runMoods(
      [...line.replace('PDS', app.pdsUrl).split(' '), '--json'],
      environment(folder.path),
    )
    const document = JSON.parse(stdout) as { readonly command: string }
    expect([line, code, document]).toMatchObject([line, 0, { version: VERSION, ok: true, complete: true }])
    expect(stdout).not.toMatch(/personal|private, of/)
    seen.add(document.command)
  }
  expect([...seen, ...ELSEWHERE].toSorted()).toEqual(Object.keys(DOCUMENTS).toSorted())
}, 120_000)

/** Every property that a schema names, with its own schema. */
function propertiesIn(schema: unknown): [string, { readonly type?: string }][] {
  if (typeof schema !== 'object' || schema === null) return []
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> }
  return [...Object.entries(properties), ...Object.values(schema).flatMap(propertiesIn)]
}

describe.each(Object.keys(DOCUMENTS) as (keyof typeof DOCUMENTS)[])('the document of moods %s', (command) => {
  const properties = propertiesIn(schemaOf(command))

  it('has names in camelCase', () => {
    expect(properties.map(([name]) => name).filter((name) => !/^[a-z][a-zA-Z0-9]*$/.test(name))).toEqual([])
  })

  it('has times as text', () => {
    const times = properties.filter(([name]) =>
      /^(at|since|until|oldest|when|lastSeen|firstPublished)$|[a-z]At$/.test(name),
    )
    expect(times.filter(([, { type }]) => type === 'number' || type === 'integer')).toEqual([])
  })
})
