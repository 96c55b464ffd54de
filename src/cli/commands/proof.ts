/** `moods proof`: what a signed commit showed of a user's repository, and how anyone can check it. */

import { Command } from 'commander'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'

interface Options {
  readonly check?: boolean
  readonly json?: boolean
}

export function proofCommand(exit: Exit): Command {
  return new Command('proof')
    .description('shows the proof that a repository is what the database wants, and how anyone can check it')
    .argument('<thing>', '@handle, handle on the PDS, sub or DID of a user, id of a mood, or AT-URI')
    .option('--check', 'read the repository now, and say whether the proof holds')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nA proof is a commit of the repository, signed by the key of its account, whose tree was compared with the database.' +
        '\nAudits make proofs. What they prove and what not: docs/guides/proof.md. Ends with 1 where there is none.',
    )
    .action(async (thing: string, options: Options) => exit(await run(thing, options)))
}

async function run(thing: string, options: Options): Promise<Ending> {
  const [{ isRead, proofsOf }, { describeProof, proofAsJson }] = await Promise.all([
    import('../../operate/proof.ts'),
    import('../describe/proof.ts'),
  ])
  return runTask(openInstallation, 'proof', options, {
    work: (app, { onProgress, stop }) => {
      const { check = false } = options
      return proofsOf(app, thing, { check }, onProgress, stop)
    },
    text: (shown) => shown.map(describeProof).join('\n\n'),
    json: (shown) => ({ proofs: shown.map(proofAsJson) }),
    ending: (shown) => ({
      needsSomebody: shown.some((one) => isRead(one) && one.proof === null),
      complete: shown.every(isRead),
    }),
  })
}
