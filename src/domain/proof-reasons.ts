/** Why a repo is not proven, in words. Pure. As in `reasons.ts`, a text can follow "because", and a remedy is for operators. */

import type { Account } from './account.ts'
import { isReady } from './account.ts'
import type { GoodLook, RepoLooks } from './looks.ts'
import type { Proof } from './proof.ts'
import type { UnprovenCode } from './unproven-codes.ts'

export interface Unproven {
  readonly code: UnprovenCode
  readonly text: string
  readonly remedy: string
}

/** The proof of an account's repo: one of an account that was replaced proves nothing of the next. */
export function proofOf(account: Pick<Account, 'did'> | null, looks: RepoLooks | null): Proof | null {
  const proof = looks?.good?.proof ?? null
  return proof !== null && proof.did === account?.did ? proof : null
}

/** Nothing is shown of somebody who is being forgotten, whatever is still stored. */
export const BEING_ERASED: Unproven = {
  code: 'being_erased',
  text: 'the user is being forgotten',
  remedy: '"moods erase --open" shows how far that is.',
}

/**
 * Why there is no proof.
 *
 * @param looks null where the repo was never looked at
 * @param who the user, as commands take one
 */
export function whyUnproven(account: Account | null, looks: RepoLooks | null, who: string): Unproven {
  const again = `"moods audit ${who}" proves it, once that is over.`
  if (!account || account.did === null) {
    return {
      code: 'no_account',
      text: 'there is no account on a PDS, so no repository',
      remedy: `"moods show ${who}" tells why there is none.`,
    }
  }
  if (!looks?.good) {
    const isFailed = looks?.failed !== null && looks?.failed !== undefined
    if (isFailed || !isReady(account)) {
      return {
        code: 'not_readable',
        text: `the repository could not be read${isFailed ? ` (${looks.failed.code})` : ''}`,
        remedy: `"moods accounts check ${who}" tells why.`,
      }
    }
    return {
      code: 'never_audited',
      text: 'the repository has never been audited',
      remedy: `"moods proof ${who} --check" reads it now.`,
    }
  }
  return ofLook(looks.good, who, again)
}

function ofLook({ findings, counts, rev }: GoodLook, who: string, again: string): Unproven {
  const found = Object.entries(findings).map(([kind, n]) => `${n} ${kind}`)
  if (found.length > 0) {
    return {
      code: 'findings',
      text: `the last audit found differences: ${found.join(', ')}`,
      remedy: `"moods audit ${who}" names them, and the command that mends them.`,
    }
  }
  if (counts.inFlight > 0 || rev === null) {
    return {
      code: 'in_flight',
      text: 'changes were on their way to the repository when it was last read',
      remedy: again,
    }
  }
  return {
    code: 'not_signed',
    text: 'the signature was not checked: the PDS sends no commit, or the directory did not name the key',
    remedy: `"moods proof ${who} --check" tries again; "moods audit --verify ${who}" says what stands in the way.`,
  }
}
