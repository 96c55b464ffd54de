/** Why a PDS refuses an account, in words, and what mends it. Pure. */

import type { Account } from './account.ts'
import { MOVED } from './moved.ts'
import { conditionBehind } from './repo-condition.ts'

type Refused = Pick<Account, 'did' | 'error'>

/** A clause that can follow "because". */
export function refusalText({ did, error }: Refused): string {
  const code = codeOf(error)
  if (did === null) return `the PDS refuses to make the account (${code})`
  return code === MOVED ? `the account has moved: ${error!.message}` : `the PDS refuses the account (${code})`
}

const LIFT = 'Have the takedown lifted by whoever runs the PDS'
const ACTIVATE = 'Have the account activated again by its owner'

/** Stands for whom a command names. */
const WHO = 'USER'
const REPLACE = `"moods accounts replace ${WHO} --execute"`

const LOST = `The PDS has no such repository. Where it was deleted or lost, ${REPLACE} gives the user another account; else restore it`

/** What ends a refusal, by its code. */
const CAUSES: Readonly<Partial<Record<string, string>>> = {
  AccountTakedown: LIFT,
  RepoTakendown: LIFT,
  AccountSuspended: LIFT.replace('takedown', 'suspension'),
  RepoSuspended: LIFT.replace('takedown', 'suspension'),
  AccountDeactivated: ACTIVATE,
  RepoDeactivated: ACTIVATE,
  RepoNotFound: LOST,
  AccountNotFound: LOST,
  [MOVED]: `Nothing is written where it was. Where the PDS only has another address: "moods accounts rehost OLD NEW --execute". Where the owner has left, ${REPLACE} gives the user another account. Else have its DID document name our PDS again`,
  HandleNotAvailable: 'Every handle that was tried is taken: free one on the PDS',
}

/** Whole sentences, with commands. @param who whom they name; empty for no one user */
export function refusalRemedy({ error }: Refused, who = ''): string {
  const code = codeOf(error)
  const cause = (CAUSES[code] ?? 'Remove the cause on the PDS').replaceAll(WHO, who || WHO)
  const isWatched = code === MOVED || conditionBehind({ kind: 'unauthorized', code, message: '' }) !== null
  const itself = isWatched ? ' A worker notices the end of it, too.' : ''
  return `${cause}, then "moods retry --reason ${code} --execute".${itself}`
}

function codeOf(error: Account['error']): string {
  return error?.code ?? 'unknown'
}
