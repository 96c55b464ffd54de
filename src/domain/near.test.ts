import { describe, expect, it } from 'vitest'
import { Nearest } from './near.ts'

function nearest(given: string, ...names: readonly string[]): readonly string[] {
  const near = new Nearest(given)
  for (const name of names) near.look(name, name)
  return near.found
}

describe('the nearest names', () => {
  it('are those with a slip of the keyboard: a letter more, less, another one, or two swapped', () => {
    expect(nearest('dov', 'dova', 'do', 'dow', 'odv', 'bob', 'dover-castle')).toEqual([
      'dova',
      'dover-castle',
      'do',
      'dow',
      'odv',
    ])
    expect(nearest('bob', 'alice', 'rob')).toEqual(['rob'])
  })

  it('are two slips away at most, in a long name', () => {
    expect(nearest('alexandra', 'alexadnro', 'alxndr', 'alessandro')).toEqual(['alexadnro'])
    expect(nearest('ann', 'joe')).toEqual([])
    expect(nearest('a', 'b', 'ab')).toEqual([])
  })

  it('ignore case and the sign of a handle, and name each once', () => {
    expect(nearest('@DOV', 'dov', 'dov', '@dove')).toEqual(['dov', '@dove'])
  })

  it('are few', () => {
    expect(nearest('user', ...Array.from({ length: 50 }, (_, i) => `user-${i}`))).toHaveLength(5)
  })
})
