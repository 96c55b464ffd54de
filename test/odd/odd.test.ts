import { expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { runOdd } from './run.ts'

// `npm run odd` does the same with more documents.
it('200 odd documents among 500 good moods cost nobody anything, whatever is done', async () => {
  const { uri } = inject('mongo')!
  const say = (line: string): void => console.log(line)
  expect(await runOdd({ uri, database: anyDatabase(), documents: 200, seed: 20261, say })).toEqual([])
}, 600_000)
