import { describe, expect, it } from 'vitest'
import { pagesOf } from './pages.ts'

const ITEMS = [1, 2, 3, 4, 5, 6, 7]

/** Reads pages of three after a number, and notes each reading. */
function reader() {
  const asked: number[] = []
  const read = async (after: number): Promise<number[]> => {
    asked.push(after)
    return ITEMS.filter((item) => item > after).slice(0, 3)
  }
  return { asked, read, positionOf: (item: number) => item }
}

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const page of pages) found.push(page)
  return found
}

describe('pages of a list', () => {
  it('come one after the other, up to an empty one', async () => {
    const { asked, ...list } = reader()
    expect(await all(pagesOf({ ...list, after: 0 }))).toEqual([[1, 2, 3], [4, 5, 6], [7]])
    expect(asked).toEqual([0, 3, 6, 7])
  })

  it('end with the first short one where the size of a full one is known', async () => {
    const { asked, ...list } = reader()
    expect((await all(pagesOf({ ...list, after: 2, pageSize: 3 }))).flat()).toEqual([3, 4, 5, 6, 7])
    expect(asked).toEqual([2, 5])
  })

  it('end with an error where a page ends at the place it was read after', async () => {
    const { read, positionOf } = { ...reader(), read: async () => [7] }
    await expect(all(pagesOf({ read, positionOf, after: 0 }))).rejects.toThrow('does not get any further')
  })

  it('are not read after a stop', async () => {
    const { asked, ...list } = reader()
    const stop = new AbortController()
    for await (const page of pagesOf({ ...list, after: 0, stop: stop.signal })) if (page.includes(4)) stop.abort()
    expect(asked).toEqual([0, 3])
  })
})
