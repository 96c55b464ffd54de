/** The guide to proofs, word for word: each line of its shell is run as it stands there, against a real PDS and PLC directory. */

import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { readyAccount } from '../support/damage.ts'
import { shellLines } from '../support/guide.ts'
import { temporaryFolder } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'
import { signedUpSite } from '../support/signed-up.ts'

const GUIDE = 'docs/guides/proof.md'
const script = /^```js\n(.*?)^```$/ms.exec(readFileSync(GUIDE, 'utf8'))![1]!

it('whoever follows the guide to proofs finds the commit, the rev and the number of records that the proof names', async () => {
  await using folder = await temporaryFolder()
  await using site = await signedUpSite(['anna'], { env: { PDS_RATE_LIMITS: 'off' } })
  for (let i = 0; i < 3; i++) await site.app.moods.post('u1', { mood: `mood ${i}` })
  await site.app.moods.post('u1', { mood: 'private', isPrivate: true })
  await site.app.engine.drain()
  const { did } = await readyAccount(site.app, 'u1')
  const lines = shellLines(GUIDE)

  const ours = lines.filter((line) => line.startsWith('npx moods '))
  const ended = []
  for (const line of ours) ended.push(await runMoods(line.split(' ').slice(2), site.env))
  expect(ended.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(ended[0]!.stdout).toContain('proven         1 of these')
  expect(ended[2]!.stdout).toContain('the proof holds')
  const shown = await runMoods(['proof', '@anna', '--json'], site.env)
  const [{ proof, commands }] = JSON.parse(shown.stdout).proofs
  expect(proof).toMatchObject({ did, records: 3 })

  symlinkSync(`${process.cwd()}/node_modules`, `${folder.path}/node_modules`)
  writeFileSync(`${folder.path}/check-repo.mjs`, script)
  const env = { ...process.env, PDS: site.realPds, PLC: site.realPlc, DID: did }
  // Not by one that waits: the PDS is in this process.
  const run = async (line: string) =>
    (await promisify(execFile)('bash', ['-c', line], { cwd: folder.path, env })).stdout
  const theirs = lines.filter((line) => !line.startsWith('npx moods '))
  const said: string[] = []
  for (const line of theirs) said.push(await run(line))
  expect(said).toHaveLength(4)
  expect(JSON.parse(said[0]!)).toEqual({ cid: proof.commit, rev: proof.rev })
  expect(readFileSync(`${folder.path}/did.json`, 'utf8')).toContain(did)
  expect(said[3]).toBe(`commit ${proof.commit} rev ${proof.rev} records ${proof.records}\n`)

  // What the command prints for anyone to ask, does what it says too.
  const asked: string[] = []
  for (const { command } of commands) asked.push(await run(command))
  expect(JSON.parse(asked[0]!)).toMatchObject({ cid: proof.commit })
  expect(await run(theirs.at(-1)!)).toContain(proof.commit)
  expect(readFileSync(`${folder.path}/commit.car`).includes(Buffer.from(did))).toBe(true)
})
