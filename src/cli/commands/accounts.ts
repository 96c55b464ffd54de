/** `moods accounts`: who has an account, who is to get one, and whether those that there are can be used. */

import { Command } from 'commander'
import type { App } from '../../app.ts'
import { countBy } from '../../domain/counts.ts'
import { type AccountCheck, checkAccounts } from '../../operate/account-check.ts'
import {
  type AccountList,
  listAccounts,
  makeAccounts,
  planAccounts,
  type ProvisionPlan,
  type Provisioned,
  type Sealed,
  sealPasswords,
} from '../../operate/accounts.ts'
import type { OnProgress } from '../../operate/deps.ts'
import { allUsers, findUsers, theseUsers } from '../../operate/users.ts'
import { openInstallation } from '../open.ts'
import { untilInterrupted } from '../interrupt.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly json?: boolean
  readonly execute?: boolean
  readonly without?: boolean
  readonly after?: string
}

const JSON_OPTION = ['--json', 'one JSON document on standard output'] as const
const EXECUTE = ['--execute', 'do it; without this, only say how many it would be'] as const
const USERS = ['[user...]', '@handle, DID, or sub of the sign-in provider; everybody if not said'] as const
const AGAIN = '\nAn interrupted run is gone on with by running it again.'

export function accountsCommand(): Command {
  return new Command('accounts')
    .description('accounts of the users: who has one, who lacks one, whether they are what they should be')
    .addCommand(
      new Command('list')
        .description('all users, with handle, account, DID and, where there is no account, the reason')
        .option('--without', 'only users who have moods and no account')
        .option(...JSON_OPTION)
        .action(list),
    )
    .addCommand(
      new Command('provision')
        .description('makes accounts for users who have moods or a handle, and no account')
        .argument(...USERS)
        .option(...EXECUTE)
        .option(...JSON_OPTION)
        .addHelpText(
          'after',
          `\nThe engine runs while it works, and publishes what is due. What was refused is tried anew.${AGAIN}\n` +
            'Ends with 0 when every account was made, 1 when one was not.',
        )
        .action(provision),
    )
    .addCommand(
      new Command('seal')
        .description('encrypts passwords that the database keeps in plain text')
        .option(...EXECUTE)
        .option(...JSON_OPTION)
        .addHelpText('after', `\nBackups that were made before keep the plain ones.${AGAIN}`)
        .action(seal),
    )
    .addCommand(
      new Command('check')
        .description('compares accounts with the PLC directory and their PDS; changes nothing')
        .argument(...USERS)
        .option('--after <sub>', 'begin after this user, as an interrupted run says')
        .option(...JSON_OPTION)
        .addHelpText('after', '\nEnds with 0 when nothing was found, 1 when something was.')
        .action(check),
    )
}

/** Opens the installation, lets a command work until it is done or interrupted, and prints what came of it. */
async function withConsole<T>(
  { json }: Options,
  work: (app: App, onProgress: OnProgress, stop: AbortSignal) => Promise<T>,
  describe: (result: T) => string,
): Promise<T> {
  using interrupted = untilInterrupted()
  await using app = await openInstallation()
  using progress = new Progress()
  const result = await work(app, (...step) => progress.show(...step), interrupted.signal)
  progress[Symbol.dispose]()
  console.log(json ? JSON.stringify(result, null, 2) : describe(result))
  return result
}

async function list(options: Options): Promise<void> {
  const only = options.without === true
  const result = await withConsole(
    options,
    ({ store }, onProgress, stop) => listAccounts(store, only, onProgress, stop),
    describeList,
  )
  if (result.interrupted) process.exitCode = 1
}

function describeList({ counts, users, interrupted }: AccountList): string {
  const states = Object.entries(counts.states).map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
  return [
    ...users.map(({ user, handle, state, did, reason, moods }) => {
      const name = handle === null ? '-' : `@${handle}`
      const why = reason === null ? '' : `  ${reason}`
      return `${name.padEnd(20)} ${state.padEnd(15)} ${(did ?? '-').padEnd(32)} ${String(moods).padStart(6)} moods  ${user}${why}`
    }),
    `${counts.users} users: ${counts.withHandle} with a handle, ${counts.withMoods} with moods, ${counts.without} of these without an account.`,
    `Accounts: ${states.join(', ')}.`,
    ...(interrupted ? ['Stopped: this is not all.'] : []),
  ].join('\n')
}

interface ProvisionResult {
  readonly executed: boolean
  readonly planned: { readonly none: number; readonly pending: number; readonly refused: number }
  readonly federationOff: number
  readonly beingErased: number
  readonly result: Provisioned | null
}

async function provision(names: readonly string[], options: Options): Promise<void> {
  const execute = options.execute === true
  const { result } = await withConsole(
    options,
    async (app, onProgress, stop): Promise<ProvisionResult> => {
      const users =
        names.length > 0
          ? await theseUsers(app.store, await findUsers(app.store, names))
          : await allUsers(app.store, onProgress, stop)
      const plan = await planAccounts(app, users)
      console.error(announce(plan, execute))
      const done = execute ? await makeAccounts(app, plan.wanted, onProgress, stop) : null
      const planned = { none: 0, pending: 0, refused: 0, ...countBy(plan.wanted.map(({ from }) => from)) }
      return {
        executed: execute,
        planned,
        federationOff: plan.federationOff,
        beingErased: plan.beingErased,
        result: done,
      }
    },
    ({ result: done }) => (done ? describeMade(done) : 'Nothing was done (--execute does it).'),
  )
  if (result && result.failed.length + result.waiting + Number(result.interrupted) > 0) process.exitCode = 1
}

function announce({ wanted, federationOff, beingErased }: ProvisionPlan, execute: boolean): string {
  const off = federationOff > 0 ? ` ${federationOff} users are left out by FEDERATION.` : ''
  const erased = beingErased > 0 ? ` ${beingErased} users are being erased.` : ''
  return `${execute ? 'Making' : 'Would make'} accounts for ${wanted.length} users.${off}${erased}`
}

function describeMade({ made, failed, reasons, waiting, interrupted }: Provisioned): string {
  return [
    ...made.map(
      ({ user, handle, pdsHandle }) => `made    ${pdsHandle ?? '-'}  for ${handle === '' ? user : `@${handle}`}`,
    ),
    ...failed.map(({ user, code, message }) => `failed  ${user}  ${code}: ${message}`),
    `${made.length} made, ${failed.length} failed, ${waiting} still to be made.`,
    ...Object.entries(reasons).map(([code, n]) => `  ${n} failed: ${code}`),
    ...(interrupted ? ['Stopped. The same command goes on where this one stopped.'] : []),
  ].join('\n')
}

async function seal(options: Options): Promise<void> {
  const execute = options.execute === true
  const { failed, interrupted } = await withConsole(
    options,
    async (app, onProgress, stop) => {
      const found = await sealPasswords(app, false, onProgress, stop)
      if (!execute) return found
      console.error(`Sealing ${found.plain} passwords.`)
      return sealPasswords(app, true, onProgress, stop)
    },
    (result) => describeSealed(result, execute),
  )
  if (failed > 0 || interrupted) process.exitCode = 1
}

function describeSealed({ accounts, plain, sealed, failed, interrupted }: Sealed, execute: boolean): string {
  if (interrupted) return `Stopped: ${sealed} sealed. The same command goes on where this one stopped.`
  const found = `${plain} of ${accounts} accounts have a password in plain text.`
  if (!execute) return plain > 0 ? `${found} --execute seals them.` : found
  return `${found} ${sealed} sealed and opened again, ${failed} failed.`
}

async function check(names: readonly string[], options: Options): Promise<void> {
  const { findings, stoppedAfter } = await withConsole(
    options,
    async (app, onProgress, stop) => {
      const users = names.length > 0 ? await findUsers(app.store, names) : null
      return checkAccounts(app, users, options.after ?? '', onProgress, stop)
    },
    describeCheck,
  )
  if (findings.length > 0 || stoppedAfter !== null) process.exitCode = 1
}

function describeCheck({ checked, findings, stoppedAfter }: AccountCheck): string {
  return [
    ...findings.flatMap(({ user, problem, detail, remedy }) => [`${problem}  ${user}: ${detail}`, `  ${remedy}`]),
    `${checked} accounts checked, ${findings.length} findings.`,
    ...Object.entries(countBy(findings.map(({ problem }) => problem))).map(([problem, n]) => `  ${n} ${problem}`),
    ...(stoppedAfter === null ? [] : [`Stopped. It goes on with --after '${stoppedAfter}'`]),
  ].join('\n')
}
