/** Moods and accounts for tests that need no PDS. */

import { type Account, newAccount, opened } from '../../src/domain/account.ts'
import { type Mood, objectId } from '../../src/domain/mood.ts'
import { rkeyFor } from '../../src/domain/record.ts'
import { initial } from '../../src/domain/sync.ts'
import type { NewMood } from '../../src/ports/store.ts'

let counter = 0

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

/** Published soon after it was posted. */
export const FIRST = { at: NOW + 3, direct: true }

/** A new mood of the user `u1`, pending unless private. */
export function aMood(fields: Partial<Mood> = {}): Mood {
  const when = fields.when ?? NOW
  const id = fields.id ?? objectId(when, 'aaaaaaaaaa', ++counter)
  const isPrivate = fields.isPrivate ?? false
  return {
    id,
    user: 'u1',
    ordinal: 1,
    text: 'fine',
    when,
    intensity: null,
    context: null,
    isPrivate,
    deleted: null,
    version: 1,
    sync: initial(rkeyFor(when, id, 0), isPrivate, when),
    ...fields,
  }
}

/** The mood, to be added whatever was said before; the store gives it its number. */
export function unrepeated(mood: Mood): NewMood {
  return {
    user: mood.user,
    repeats: () => false,
    numbered: (ordinal, salt) =>
      salt === 0
        ? { ...mood, ordinal }
        : { ...mood, ordinal, sync: { ...mood.sync, rkey: rkeyFor(mood.when, mood.id, salt) } },
  }
}

export function aReadyAccount(user = 'u1'): Account {
  return {
    ...opened(newAccount(user, 'alice'), 'did:plc:abcdefghijklmnopqrstuvwx', 'http://pds.test', 'sealed'),
    requeue: false,
  }
}
