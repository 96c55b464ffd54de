import { expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { mongoWorld } from './mongo-world.ts'
import { runOdd } from './run.ts'

// `npm run odd` does the same with more documents.
it('200 odd documents among 500 good moods cost nobody anything, whatever is done', async () => {
  const { uri } = inject('mongo')!
  const documents = 200
  const world = () => mongoWorld(uri, anyDatabase(), documents, 20261)
  expect(await runOdd({ world, documents, say: (line) => console.log(line) })).toEqual([])
}, 600_000)
