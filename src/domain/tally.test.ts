import { expect, it } from 'vitest'
import { counted } from './tally.ts'

it('a number of things is named as one, none or several', () => {
  expect([0, 1, 2].map((n) => counted(n, 'mood'))).toEqual(['0 moods', '1 mood', '2 moods'])
  expect([0, 1, 2].map((n) => counted(n, 'user has', 'users have'))).toEqual([
    '0 users have',
    '1 user has',
    '2 users have',
  ])
})
