/** What the log must not contain. */

import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { createLog } from '../../src/observe/log.ts'
import { startApp, temporaryFolder, Visitor } from '../support/installation.ts'

it('the log contains no mood text, token, password or sub at any level', async () => {
  let logged = ''
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString()
      done()
    },
  })
  await using folder = await temporaryFolder()
  await using app = await startApp(folder.path, { role: 'serve', overrides: { log: createLog('trace', sink) } })
  const alice = await new Visitor(app.address).as('alice')
  await alice.post('something personal')
  await alice.post('something secret', { isPrivate: true })
  await alice.send('/api/mood', { mood: 'something refused\u0000' })
  await app.engine.drain()
  expect(logged).toContain('account opened')
  expect(logged).toContain('"msg":"published"')
  expect(logged).not.toMatch(/something|trial\||eyJ|password/i)
})
