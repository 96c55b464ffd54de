import { describe, expect, it } from 'vitest'
import type { Failure } from './outcome.ts'
import { nextTry } from './next-try.ts'

const most = (): number => 1 - Number.EPSILON
const refusal: Failure = { kind: 'unauthorized', code: 'AuthenticationRequired', message: 'wrong password' }

describe('nextTry', () => {
  it('waits as long as it was asked to, and counts no failure', () => {
    const asked: Failure = { kind: 'later', afterMs: 290_000, scope: 'account' }
    expect(nextTry(asked, 3, true, most)).toEqual({ kind: 'wait', afterMs: 290_000, failures: 3 })
  })

  it('leaves a refused account to an operator', () => {
    const { code, message } = refusal
    expect(nextTry(refusal, 0, true, most)).toEqual({ kind: 'needs_attention', code, message })
  })

  it('waits longer after each failure in a row, at most 30 seconds', () => {
    const down: Failure = { kind: 'host_down', code: 'ECONNREFUSED' }
    const waits = [0, 1, 2, 10].map((before) => nextTry(down, before, true, most))
    const times = waits.map((next) => (next.kind === 'wait' ? Math.round(next.afterMs) : null))
    expect(times).toEqual([500, 1000, 2000, 30_000])
    expect(nextTry(refusal, 4, false, most)).toMatchObject({ kind: 'wait', failures: 5 })
  })
})
