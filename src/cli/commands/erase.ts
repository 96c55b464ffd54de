/** `moods erase`: erases a user; lists erasures under way; prints tombstones, and erases again after a restore. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import type { EraseEvents } from '../../operate/erase.ts'
import { describeErased, describeExtent, describeStep, endingOf } from '../describe/erasure.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'

interface Options {
  readonly restored?: string | true
  readonly open?: boolean
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
    .argument('[user]', '@handle, handle on the PDS, DID, or sub of the sign-in provider')
    .option('--open', 'list the erasures under way, the oldest first: the step each waits at, and what for')
    .option('--restored [file]', 'erase users again whom a restored backup brought back; the file holds tombstones')
    .option('--tombstones', 'print the tombstones of finished erasures, one JSON line each')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', HELP)
    .action(async (user: string | undefined, options: Options) => exit(await erase(user, options)))
}

/** @throws DomainError `usage` */
async function erase(name: string | undefined, options: Options): Promise<Ending> {
  const { restored, open = false, tombstones = false } = options
  if ([name !== undefined, restored !== undefined, open, tombstones].filter(Boolean).length !== 1) {
    throw new DomainError('usage', 'name one user, or give one of --open, --restored and --tombstones')
  }
  if (name !== undefined) return eraseOne(name, options)
  const { eraseAgain, listOpen, printTombstones } = await import('./erase-lists.ts')
  if (restored !== undefined) return eraseAgain(restored === true ? null : restored, options)
  return open ? listOpen(options) : printTombstones(options)
}

function eraseOne(name: string, options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'erase', options, {
    work: async (app, { stop, announce, plan, print }) => {
      const [{ eraseUser }, { findUser }] = await Promise.all([
        import('../../operate/erase.ts'),
        import('../../operate/users.ts'),
      ])
      const events: EraseEvents = {
        onExtent: (extent) => plan(describeExtent(extent, execute)),
        onReceipt: (receipt) => print(`receipt   ${receipt}`),
        onStep: (step, done) => print(describeStep(step, done)),
        onWaiting: announce,
      }
      return eraseUser(app, await findUser(app.store, name), execute, events, stop)
    },
    text: describeErased,
    json: (result) => result,
    ending: ({ erasure, extent }) => endingOf(erasure?.state ?? 'done', extent.shared.length > 0),
  })
}
