import { describe, expect, it } from 'vitest'
import { isTimeTo, isVoid, orNow } from './furthest.ts'

describe('a time that lies further ahead than its kind may', () => {
  it('is void, and stands for now', () => {
    expect([isVoid(160, 100, 60), isVoid(161, 100, 60), isVoid(0, 100, 60)]).toEqual([false, true, false])
    expect([orNow(160, 100, 60), orNow(161, 100, 60), orNow(0, 100, 60)]).toEqual([160, 100, 0])
  })

  it('keeps nobody from looking again who does so every now and then', () => {
    expect([0, 100, 101, 160, 161].map((nextAt) => isTimeTo(nextAt, 100, 60))).toEqual([true, true, false, false, true])
  })
})
