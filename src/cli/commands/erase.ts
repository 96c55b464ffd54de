/** `moods erase`: forgets a user, keeps what says that somebody was forgotten, and forgets again after a restore. */

import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { App } from '../../app.ts'
import { DomainError } from '../../domain/errors.ts'
import type { ErasureStep } from '../../domain/erasure.ts'
import { countBy } from '../../domain/counts.ts'
import {
  eraseAgain,
  type Extent,
  extentOf,
  findReturned,
  parseTombstones,
  purgeOlder,
  type RestoredUser,
  waitForEmptied,
  tombstones,
  watchErasures,
  type Watched,
} from '../../operate/erase.ts'
import { findUser } from '../../operate/users.ts'
import { openInstallation } from '../open.ts'
import { untilInterrupted } from '../interrupt.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly restored?: string | true
  readonly tombstones?: boolean
  readonly execute?: boolean
  readonly json?: boolean
}

const HELP = `
An erasure cannot be undone. An interrupted one is gone on with by any worker, or by the same command.
Keep what --tombstones prints beside your backups: it names nobody, and only this installation's key can read it.
After a backup was restored: moods erase --restored FILE --execute (an embedded PDS has to run: moods serve)
Ends with 0 when all is done, 1 when --restored has found somebody or the PDS refuses an account, 3 when it does not answer.`

export function eraseCommand(): Command {
  return new Command('erase')
    .description('forgets a user: moods, records, handle and account; the same as the user may ask for')
    .argument('[user]', '@handle, DID, or sub of the sign-in provider')
    .option(
      '--restored [file]',
      'forget again whoever a restored backup has brought back, by the tombstones in store and file',
    )
    .option('--tombstones', 'print what is left of finished erasures, a line of JSON each')
    .option('--execute', 'do it; without this, only say how much it would be')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', HELP)
    .action(erase)
}

/** @throws DomainError `usage` unless exactly one thing is asked for */
async function erase(user: string | undefined, options: Options): Promise<void> {
  const asked = [user !== undefined, options.restored !== undefined, options.tombstones === true]
  if (asked.filter(Boolean).length !== 1) {
    throw new DomainError('usage', 'name one user, or give one of --restored and --tombstones')
  }
  using interrupted = untilInterrupted()
  const { restored } = options
  const file = typeof restored === 'string' ? parseTombstones(await readText(restored)) : []
  await using app = await openInstallation()
  const { signal } = interrupted
  // Awaited here: the installation is closed when this function ends.
  if (user !== undefined) await eraseUser(app, user, options, signal)
  else if (options.tombstones) await printTombstones(app, options, signal)
  else await eraseReturned(app, file, options, signal)
}

/** @throws DomainError `usage` */
async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new DomainError('usage', `${file} cannot be read`, { cause: error })
  }
}

async function printTombstones(app: App, { json }: Options, stop: AbortSignal): Promise<void> {
  const all = []
  for await (const tombstone of tombstones(app, stop)) {
    if (json) all.push(tombstone)
    else console.log(JSON.stringify(tombstone))
  }
  if (json) console.log(JSON.stringify(all, null, 2))
  if (stop.aborted) process.exitCode = 1
}

async function eraseUser(app: App, name: string, options: Options, stop: AbortSignal): Promise<void> {
  const user = await findUser(app.store, name)
  const extent = await extentOf(app, user)
  console.error(`${options.execute ? 'Erasing' : 'Would erase'} ${describe(extent)}.`)
  if (!options.execute) {
    print(options, { executed: false, extent, erasure: null }, 'Nothing was done (--execute does it).')
    return
  }
  if (stop.aborted) return void (process.exitCode = 1)
  const { receipt } = await app.erasures.request(user)
  if (!options.json) console.log(`receipt   ${receipt}`)
  const steps: { step: ErasureStep; needed: boolean }[] = []
  const onStep = (_receipt: string, step: ErasureStep, needed: boolean): void => {
    steps.push({ step, needed })
    if (!options.json) console.log(`${needed ? 'done      ' : 'not needed'}  ${step.replaceAll('_', ' ')}`)
  }
  const [watched] = await watchErasures(app, [receipt], onStep, stop)
  print(options, { executed: true, extent, erasure: { ...watched, steps } }, outcome(watched!))
  setExit([watched!], stop)
}

function describe({ handle, did, moods, records, account }: Extent): string {
  const inRepo = records === null ? 'all records' : `${records} records`
  const what = [`${moods} moods`, ...(did === null ? [] : [`${inRepo} of ${did}`])]
  if (handle !== null) what.push(`the handle @${handle}`)
  if (did !== null) what.push(account ? 'the account on the PDS' : 'our access to the account, which stays on the PDS')
  return what.join(', ')
}

function outcome({ state, reason }: Watched): string {
  if (state === 'done') return 'Erased.'
  if (state === 'stuck') return `The PDS refuses the account (${reason}). Mend that, then: moods retry --execute`
  return `Not finished: ${reason}. Any worker goes on, or the same command.`
}

async function eraseReturned(
  app: App,
  fromFile: ReturnType<typeof parseTombstones>,
  options: Options,
  stop: AbortSignal,
): Promise<void> {
  using progress = new Progress()
  const found = await findReturned(app, fromFile, (...step) => progress.show(...step), stop)
  progress[Symbol.dispose]()
  const toErase = found.filter(({ action }) => action === 'erase')
  const toPurge = found.filter(({ action }) => action === 'purge')
  const older = toPurge.reduce((sum, each) => sum + each.older, 0)
  const plan = `${toErase.length} users who had been forgotten, and ${older} moods of ${toPurge.length} users who have come back since`
  console.error(`${options.execute ? 'Erasing' : 'Would erase'} ${plan}.`)
  // Users stay unnamed: they have asked to be forgotten.
  const returned = found.map(({ tombstone, requestedAt, action, older: moods }) => {
    return { tombstone, requestedAt: new Date(requestedAt).toISOString(), action, older: moods }
  })
  if (!options.execute || stop.aborted) {
    const text = stop.aborted ? 'Stopped: nothing was done.' : 'Nothing was done (--execute does it).'
    print(options, { executed: false, returned, emptied: 0, unsettled: 0, erasures: [] }, text)
    if (stop.aborted || toErase.length + toPurge.length > 0) process.exitCode = 1
    return
  }
  const { emptied, unsettled, erasures } = await carryOut(app, toErase, toPurge, stop)
  const states = Object.entries(countBy(erasures.map(({ state }) => state))).map(([state, n]) => `${n} ${state}`)
  const text = `Erased again: ${states.join(', ') || 'nobody'}. Emptied: ${emptied} moods.`
  print(options, { executed: true, returned, emptied, unsettled, erasures }, text)
  setExit(erasures, stop)
  if (unsettled > 0) process.exitCode ||= 3
}

async function carryOut(
  app: App,
  toErase: readonly RestoredUser[],
  toPurge: readonly RestoredUser[],
  stop: AbortSignal,
) {
  // First whatever can be read: that needs no PDS.
  const receipts: string[] = []
  for (const { user } of toErase) {
    if (!stop.aborted) receipts.push((await eraseAgain(app, user)).receipt)
  }
  let emptied = 0
  for (const each of toPurge) emptied += await purgeOlder(app, each, stop)
  const erasures = await watchErasures(app, receipts, () => {}, stop)
  const users = toPurge.map(({ user }) => user)
  return { emptied, erasures, unsettled: await waitForEmptied(app, users, stop) }
}

function setExit(watched: readonly Watched[], stop: AbortSignal): void {
  if (stop.aborted || watched.some(({ state }) => state === 'stuck')) process.exitCode = 1
  else if (watched.some(({ state }) => state === 'waiting')) process.exitCode = 3
}

function print({ json }: Options, document: unknown, text: string): void {
  console.log(json ? JSON.stringify(document, null, 2) : text)
}
