/** `moods doctor`: whether the installation can work, and what to do where it cannot. */

import { Command } from 'commander'
import { type Check, examine } from '../../operate/doctor.ts'
import { type LiveStep, tryLive } from '../../operate/test-record.ts'
import { findUser } from '../../operate/users.ts'
import { openInstallation } from '../open.ts'
import { untilInterrupted } from '../interrupt.ts'
import { openExisting } from '../existing.ts'

interface Options {
  readonly live?: string
  readonly json?: boolean
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'checks configuration, store, PDS, clock, limits and keys, and says what to do where something is wrong',
    )
    .option(
      '--live <user>',
      'write a test record into the repo of this user (@handle, DID or sub), follow it, delete it',
    )
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      '\nThe test record is public while it is there, a second or two; it is deleted whatever happens, also on Ctrl+C.\n' +
        'Ends with 0 when there is no problem, 1 when there is one.',
    )
    .action((options: Options) => (options.live === undefined ? doctor(options) : live(options.live, options)))
}

async function doctor({ json = false }: Options): Promise<void> {
  using interrupted = untilInterrupted()
  const clock = { now: () => Date.now() }
  const patient = { env: process.env, nodeVersion: process.versions.node, clock, openStore: openExisting }
  const checks: Check[] = []
  for await (const check of examine(patient, interrupted.signal)) {
    checks.push(check)
    if (!json) console.log(describe(check))
    if (interrupted.signal.aborted) break
  }
  const isWell = checks.every(({ level }) => level !== 'problem')
  if (json) console.log(JSON.stringify({ ok: isWell, checks }, null, 2))
  if (!isWell || interrupted.signal.aborted) process.exitCode = 1
}

function describe({ name, level, message, remedy }: Check): string {
  const line = `${level.padEnd(9)}${name.padEnd(15)}${message}`
  return remedy === null ? line : `${line}\n${' '.repeat(24)}${remedy}`
}

async function live(name: string, { json = false }: Options): Promise<void> {
  using interrupted = untilInterrupted()
  await using app = await openInstallation()
  const user = await findUser(app.store, name)
  console.error('Writes one test record, and deletes it again.')
  const onStep = (step: LiveStep): void => {
    if (!json)
      console.log(
        `${step.ok ? 'ok' : 'problem'}  ${step.name.padEnd(10)}${String(step.ms).padStart(6)} ms  ${step.detail ?? ''}`.trimEnd(),
      )
  }
  const steps = await tryLive(app, user, onStep, interrupted.signal)
  const isWell = steps.every((step) => step.ok) && !interrupted.signal.aborted
  if (json) console.log(JSON.stringify({ ok: isWell, steps }, null, 2))
  if (!isWell) process.exitCode = 1
}
