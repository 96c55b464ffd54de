/** What programs are told with `--json` when a command cannot do its work. `runMoods` holds each document to its schema. */

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DOCUMENTS } from '../../src/cli/json/documents.ts'
import { VERSION } from '../../src/version.ts'
import { environment, temporaryFolder } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'

const failed = { version: VERSION, ok: false, complete: false }

describe('--json', () => {
  it('prints an error as a document, beside the line for people', async () => {
    await using folder = await temporaryFolder()
    const { code, stdout, stderr } = await runMoods(['status', '--json'], environment(join(folder.path, 'data')))
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
