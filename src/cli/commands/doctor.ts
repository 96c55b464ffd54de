/** `moods doctor`: checks whether the installation can work, and follows a test record end to end. */

import { Command } from 'commander'
import type { Check } from '../../operate/check.ts'
import type { LiveStep } from '../../operate/test-record.ts'
import { colour } from '../colour.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, openNothing, runTask } from '../open.ts'
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
      '\nThe test record is public for a second or two. It is always deleted, also after a failure or Ctrl+C. Where all went well, more\nof them, in a collection of their own, show what kind of host the PDS is.',
    )
    .action(async (options: Options) =>
      exit(options.live === undefined ? await runChecks(options) : await runLive(options.live, options)),
    )
}

function runChecks(options: Options): Promise<Ending> {
  return runTask(openNothing, 'doctor', options, {
    work: async (_, { stop, print }) => {
      const [{ examine }, { openExisting: openStore }] = await Promise.all([
        import('../../operate/doctor.ts'),
        import('../existing.ts'),
      ])
      const clock = { now: () => Date.now() }
      const input = { env: process.env, nodeVersion: process.versions.node, clock, openStore }
      const checks: Check[] = []
      for await (const check of examine(input, stop)) {
        checks.push(check)
        print(describe(check))
        if (stop.aborted) break
      }
      return checks
    },
    text: () => '',
    json: (checks) => ({ checks }),
    ending: (checks) => ({ needsSomebody: checks.some(({ level }) => level === 'problem'), complete: true }),
  })
}

function describe({ name, level, message, remedy }: Check): string {
  const line = `${colour(level, level.padEnd(9))}${name.padEnd(15)}${message}`
  return remedy === null ? line : `${line}\n${' '.repeat(24)}${remedy}`
}

function runLive(name: string, options: Options): Promise<Ending> {
  return runTask(
    openInstallation,
    'doctor',
    { ...options, execute: true },
    {
      work: async (app, { stop, announce, print }) => {
        const [{ findUser }, { tryLive, verdictOf }, { findOutKind }] = await Promise.all([
          import('../../operate/users.ts'),
          import('../../operate/test-record.ts'),
          import('../../operate/host-check.ts'),
        ])
        const user = await findUser(app.store, name)
        announce('Writes one test record, and deletes it again.')
        const steps = await tryLive(app, user, (step) => print(describeStep(step)), stop)
        const verdict = verdictOf(steps)
        const host = verdict.isWell && !stop.aborted ? await findOutKind(app, user, stop) : null
        return { steps, host, ...verdict }
      },
      text: ({ host }) => (host ? describe(host) : ''),
      json: ({ steps }) => ({ steps }),
      ending: ({ isWell, isReached }) => ({ needsSomebody: !isWell, complete: isReached }),
    },
  )
}

function describeStep({ ok, name, ms, detail }: LiveStep): string {
  const level = ok ? 'ok' : 'problem'
  return `${colour(level, level)}  ${name.padEnd(10)}${String(ms).padStart(6)} ms  ${detail ?? ''}`.trimEnd()
}
