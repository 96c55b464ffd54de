/** What every store must do with intents: orders for many moods of a user, kept until they have been applied. */

import { describe, expect, it } from 'vitest'
import type { Intent } from '../../src/domain/jobs.ts'
import type { Given } from './store.ts'

const nuke: Intent = { user: 'u1', kind: 'nuke', records: 'keep', through: 7 }
const restore: Intent = { user: 'u1', kind: 'restore', records: 'withdraw', through: 9 }

export function intentContract(given: Given): void {
  describe('intents', () => {
    it('an intent comes back as it was noted, also after a restart, and is its user’s alone', async () => {
      expect(await given.store.intents.get('u1')).toBeNull()
      expect(await given.store.intents.begin(nuke)).toEqual(nuke)
      await given.reopen()
      expect(await given.store.intents.get('u1')).toEqual(nuke)
      expect(await given.store.intents.get('u2')).toBeNull()
      expect(await given.store.intents.get('')).toBeNull()
    })

    it('an intent that is noted stays as it is when another one begins, and is what its caller learns', async () => {
      await given.store.intents.begin(nuke)
      expect(await given.store.intents.begin(restore)).toEqual(nuke)
      expect(await given.other.intents.get('u1')).toEqual(nuke)
    })

    it('an intent that is finished leaves room for the next one, and only its own', async () => {
      const others = { ...nuke, user: 'u2' }
      await given.store.intents.begin(nuke)
      await given.store.intents.begin(others)
      await given.store.intents.finish('u1')
      expect(await given.other.intents.get('u1')).toBeNull()
      expect(await given.store.intents.get('u2')).toEqual(others)
      await expect(given.store.intents.finish('u1')).resolves.toBeUndefined()
      expect(await given.store.intents.begin(restore)).toEqual(restore)
    })

    it('of intents that begin at the same time one is noted, and every caller learns which', async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) => {
          return (i % 2 === 0 ? given.store : given.other).intents.begin({ ...nuke, through: i })
        }),
      )
      const noted = await given.store.intents.get('u1')
      expect(answers).toEqual(answers.map(() => noted))
    })
  })
}
