/** Why an erasure is not finished, and what its steps have found, in words. Pure. */

import { type Erasure, type ErasureTrouble, type Found, nextStep } from './erasure.ts'
import { MOVED } from './moved.ts'
import {
  accountReason,
  atWork,
  type ErasureFacts,
  hostTrouble,
  IN_TURN,
  notYet,
  noWorker,
  type Reason,
  still,
  type Waiting,
} from './reasons.ts'
import { nameOf } from './user-names.ts'

type Words = Pick<Reason, 'text' | 'remedy'>

const AGAIN = 'It is tried again by itself.'

/** Ways in which a step may not come to its end, by the code of what stood in the way. */
const TROUBLES: Readonly<Partial<Record<string, Words>>> = {
  AccountStillThere: {
    text: 'the PDS has taken the order to delete the account, and still has the account',
    remedy: `${AGAIN} If that goes on, see whether it is the PDS that answers, and not a gateway, and delete the account there.`,
  },
  [MOVED]: {
    text: 'the DID document of the account names another PDS, or none, and its own PDS has it as active',
    remedy: `${AGAIN} After ten minutes of this the account is taken for moved, and its records stay: have the document name its PDS again, if it has not moved.`,
  },
  StillThere: {
    text: 'records that were deleted are still in the repository',
    remedy: `${AGAIN} If that goes on, see whether it is the PDS that answers, and whether another program writes them again.`,
  },
}

/** What stood in the way of an erasure’s next step at its last try. */
export function troubleReason({ code }: ErasureTrouble): Words {
  return TROUBLES[code] ?? { text: `the PDS did not carry out the last request (${code})`, remedy: AGAIN }
}

const LEFT = 'so its records are not shown, and could not be deleted one by one'

/** What a step has found in place of something to do. */
const FINDINGS: Readonly<Record<Found, string>> = {
  gone: 'the PDS has no such account any more',
  takendown: `whoever runs the PDS has taken the account down, ${LEFT}`,
  suspended: `whoever runs the PDS has suspended the account, ${LEFT}`,
  deactivated: `the owner has deactivated the account, ${LEFT}`,
  inactive: `the PDS says that the account is not active, ${LEFT}`,
  moved: 'the account lives on another PDS by now, and what is there is for its owner to delete',
  foreign: 'the account is on a PDS that this installation does not administer',
  shared:
    'moods stay whose author is a list that holds the user: nobody can tell whose they are, and an operator has to say so in the database',
}

export function foundText(found: Found): string {
  return FINDINGS[found]
}

/** What the next step of an erasure waits for; the policy holds none of them back. Null when it is finished. */
export function whyNotErased(erasure: Erasure, facts: ErasureFacts): Waiting | null {
  const step = nextStep(erasure)
  if (step === null) return null
  const { account } = facts
  const isInRepo = account !== null && account.did !== null
  if (account?.odd) {
    const { code, text, remedy } = accountReason(account)
    return { code, text: `${text}, so neither its records nor the account can be deleted`, remedy, until: null }
  }
  // What the PDS says of the account may end the erasure: it is refused only once the engine has asked.
  if (isInRepo && account.state === 'needs_attention' && erasure.trouble !== null) {
    const { code, text, remedy } = accountReason(account)
    const finish = `"moods erase ${nameOf(account.user, account.handle)} --execute"`
    return {
      code,
      text,
      remedy: `${remedy} If the account is to go: delete it on the PDS, then ${finish}.`,
      until: null,
    }
  }
  const trouble = isInRepo ? hostTrouble(facts, true) : null
  if (trouble?.code === 'pds_silent') {
    const remedy = `${trouble.remedy} Until then the database keeps only handle and account, and no text.`
    return noWorker(facts) ?? { ...trouble, remedy }
  }
  return noWorker(facts) ?? trouble ?? notDone(erasure, facts) ?? notYet(null, facts) ?? atWork(facts) ?? IN_TURN
}

/** The last try at the next step failed. */
function notDone({ trouble }: Erasure, { repo, now }: ErasureFacts): Waiting | null {
  if (trouble === null) return null
  const until = repo?.dueAt ?? null
  const { text, remedy } = troubleReason(trouble)
  return still(
    'backing_off',
    `${text}, since ${new Date(trouble.at).toISOString()}`,
    remedy,
    until !== null && until > now ? until : null,
  )
}
