/** What odd documents, and those that refuse to be changed, stand in the way of, in words. */

import type { Account } from './account.ts'
import { DomainError } from './errors.ts'
import { type Odd, oddText } from './odd.ts'
import type { Reason, Waiting } from './reasons.ts'
import { counted } from './tally.ts'

export function oddAccountReason(odd: Account['odd']): Reason {
  if (odd?.kind === 'shared') {
    return {
      code: 'account_odd',
      text: 'another user has the same DID, and whose it is cannot be told',
      remedy: 'Take the DID from the document of the user whose it is not: "moods accounts list" shows both.',
    }
  }
  return {
    code: 'account_odd',
    text: `the account in the database cannot be read${odd ? `: ${oddText(odd)}` : ''}`,
    remedy: 'Mend that field of the user’s document in the database; until then nothing is done with the account.',
  }
}

/** For whoever asks for an erasure while one is stored that cannot be read. */
export function unreadableErasure(erasure: Odd): DomainError {
  return new DomainError('being_erased', `an erasure of this user is stored, and cannot be read: ${oddText(erasure)}`)
}

/** What an erasure waits for that cannot be read. */
export function oddErasureReason(erasure: Odd): Waiting {
  return {
    code: 'erasure_odd',
    text: `the erasure cannot be read: ${oddText(erasure)}`,
    remedy: `Mend that field of the document ${erasure.id} in the database.`,
    until: null,
  }
}

/** Most moods that are named. */
const NAMED = 3

/** What is said of moods whose rows refuse to be changed. @param ids at least one */
export function refusedRowsReason(ids: readonly string[]): Reason {
  const more = ids.length - NAMED
  const named = more > 0 ? `${ids.slice(0, NAMED).join(', ')} and ${more} more` : ids.join(', ')
  return {
    code: 'row_refused',
    text: `the database refuses to change ${counted(ids.length, 'mood')} (${named}), so that no result can be noted there`,
    remedy:
      'A rule or an index of the database, or the size of the document, stands in the way: change that, and run this again.',
  }
}
