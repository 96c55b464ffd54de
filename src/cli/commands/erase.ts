/** `moods erase`: erases a user, prints tombstones, and erases again after a restore. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import type { EraseEvents, Watched } from '../../operate/erase.ts'
import { describeAgain, describeErased, describeExtent, describePlan, describeStep } from '../describe/erasure.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'

interface Options {
  readonly restored?: string | true
  readonly tombstones?: boolean
  readonly execute?: boolean
  readonly json?: boolean
}

const HELP = `
An erasure cannot be undone. Any worker resumes an interrupted one; so does the same command.
Keep the output of --tombstones beside your backups: it does not name users, and only this installation's key can match it.
After a restore: moods erase --restored FILE --execute (in embedded mode while "moods serve" runs)`

export function eraseCommand(exit: Exit): Command {
  return new Command('erase')
    .description('erases a user: moods, records, handle and account, as the user can request too')
    .argument('[user]', '@handle, DID, or sub of the sign-in provider')
    .option('--restored [file]', 'erase users again whom a restored backup brought back; the file holds tombstones')
    .option('--tombstones', 'print the tombstones of finished erasures, one JSON line each')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', HELP)
    .action(async (user: string | undefined, options: Options) => exit(await erase(user, options)))
}

/** @throws DomainError `usage` */
async function erase(name: string | undefined, options: Options): Promise<Ending> {
  const { restored, tombstones = false } = options
  if ([name !== undefined, restored !== undefined, tombstones].filter(Boolean).length !== 1) {
    throw new DomainError('usage', 'name one user, or give either --restored or --tombstones')
  }
  if (name !== undefined) return eraseOne(name, options)
  if (restored !== undefined) return eraseAgain(restored === true ? null : restored, options)
  return runTask(openInstallation, 'erase', options, {
    work: async (app, { stop }) => {
      const { allTombstones } = await import('../../operate/erase-again.ts')
      return allTombstones(app, stop)
    },
    text: (all) => all.map((each) => JSON.stringify(each)).join('\n'),
    json: (all) => ({ tombstones: all }),
    ending: () => endingOf('done'),
  })
}

function endingOf(state: Watched['state']): Ending {
  return { needsSomebody: state === 'stuck', complete: state === 'done' }
}

function eraseOne(name: string, options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'erase', options, {
    work: async (app, { stop, announce, print }) => {
      const [{ eraseUser }, { findUser }] = await Promise.all([
        import('../../operate/erase.ts'),
        import('../../operate/users.ts'),
      ])
      const events: EraseEvents = {
        onExtent: (extent) => announce(describeExtent(extent, execute)),
        onReceipt: (receipt) => print(`receipt   ${receipt}`),
        onStep: (step, needed) => print(describeStep(step, needed)),
      }
      return eraseUser(app, await findUser(app.store, name), execute, events, stop)
    },
    text: describeErased,
    json: (result) => result,
    ending: ({ erasure }) => endingOf(erasure?.state ?? 'done'),
  })
}

function eraseAgain(file: string | null, options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'erase', options, {
    work: async (app, { onProgress, stop, announce }) => {
      const { eraseRestored, readTombstones } = await import('../../operate/erase-again.ts')
      const fromFile = file === null ? [] : await readTombstones(file)
      return eraseRestored(app, fromFile, execute, (plan) => announce(describePlan(plan, execute)), onProgress, stop)
    },
    text: describeAgain,
    json: (result) => result,
    // Users who should be gone are a finding: this is the only command that looks for them.
    ending: ({ state }) => (execute ? endingOf(state) : { needsSomebody: state !== 'done', complete: true }),
  })
}
