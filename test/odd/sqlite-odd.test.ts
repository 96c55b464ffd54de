import { expect, it } from 'vitest'
import { runOdd } from './run.ts'
import { sqliteWorld } from './sqlite-world.ts'

// `npm run odd -- --store sqlite` does the same with more rows.
it('200 odd rows among 500 good moods cost nobody anything, whatever is done', async () => {
  const rows = 200
  const world = (folder: string) => sqliteWorld(folder, rows, 20261)
  expect(await runOdd({ world, documents: rows, say: (line) => console.log(line) })).toEqual([])
}, 600_000)
