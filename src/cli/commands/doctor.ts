/** `moods doctor`: checks whether the installation can work, and follows a test record end to end. */

import { Command } from 'commander'
import { type Check, examine } from '../../operate/doctor.ts'
import { type LiveStep, tryLive } from '../../operate/test-record.ts'
import { findUser } from '../../operate/users.ts'
import { openExisting } from '../existing.ts'
import type { Ending, Exit } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import { openInstallation, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'

interface Options {
  readonly live?: string
  readonly json?: boolean
}

export function doctorCommand(exit: Exit): Command {
  return new Command('doctor')
    .description('checks configuration, store, PDS, clock, limits and keys, and prints a remedy for each problem')
    .option('--live <user>', 'write a test record to the repo of this user (@handle, DID or sub), follow it, delete it')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nThe test record is public for a second or two. It is always deleted, also after a failure or Ctrl+C.',
    )
    .action(async ({ live, json = false }: Options) =>
      exit(live === undefined ? await runChecks(json) : await runLive(live, json)),
    )
}

async function runChecks(json: boolean): Promise<Ending> {
  using interrupted = untilInterrupted()
  const clock = { now: () => Date.now() }
  const input = { env: process.env, nodeVersion: process.versions.node, clock, openStore: openExisting }
  const checks: Check[] = []
  for await (const check of examine(input, interrupted.signal)) {
    checks.push(check)
    if (!json) console.log(describe(check))
    if (interrupted.signal.aborted) break
  }
  const ok = checks.every(({ level }) => level !== 'problem')
  if (json) console.log(JSON.stringify({ ok, checks }, null, 2))
  return { needsSomebody: !ok, complete: !interrupted.signal.aborted }
}

function describe({ name, level, message, remedy }: Check): string {
  const line = `${level.padEnd(9)}${name.padEnd(15)}${message}`
  return remedy === null ? line : `${line}\n${' '.repeat(24)}${remedy}`
}

function runLive(name: string, json: boolean): Promise<Ending> {
  const onStep = (step: LiveStep): void => (json ? undefined : console.log(describeStep(step)))
  return runTask(
    openInstallation,
    { json },
    {
      work: async (app, _, stop, announce) => {
        const user = await findUser(app.store, name)
        announce('Writes one test record, and deletes it again.')
        const steps = await tryLive(app, user, onStep, stop)
        return { ok: steps.every((step) => step.ok) && !stop.aborted, steps }
      },
      text: () => '',
      ending: ({ steps }) => ({ needsSomebody: steps.some((step) => !step.ok && !step.stopped), complete: true }),
    },
  )
}

function describeStep({ ok, name, ms, detail }: LiveStep): string {
  return `${ok ? 'ok' : 'problem'}  ${name.padEnd(10)}${String(ms).padStart(6)} ms  ${detail ?? ''}`.trimEnd()
}
