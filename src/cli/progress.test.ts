import { describe as suite, expect, it } from 'vitest'
import { describe, Progress } from './progress.ts'

suite('progress', () => {
  it('prints how far, how fast, and how long it will take', () => {
    expect(describe('moods', 500, 2000, 10_000, false)).toBe('moods: 500 of 2000, 50 a second, 30 s left')
    expect(describe('moods', 500, 2000, 10_000, true)).toBe(
      '[██████··················] moods: 500 of 2000, 50 a second, 30 s left',
    )
    expect(describe('moods', 30, 30_000, 10_000, false)).toBe('moods: 30 of 30000, 3.0 a second, 2 h 46 min left')
    expect(describe('moods', 0, 0, 0, true)).toBe('moods: 0, 0.0 a second')
  })

  it('writes a line every ten seconds without a terminal', () => {
    let now = 0
    const lines: string[] = []
    const out = { isTTY: false, write: (text: string) => lines.push(text) } as unknown as NodeJS.WriteStream
    {
      using progress = new Progress(out, () => now)
      for (; now <= 25_000; now += 1000) progress.show('moods', now / 1000, 100)
    }
    expect(lines).toEqual([
      'moods: 10 of 100, 1.0 a second, 1 min 30 s left\n',
      'moods: 20 of 100, 1.0 a second, 1 min 20 s left\n',
    ])
  })

  it('clears its line on a terminal', () => {
    const written: string[] = []
    const out = { isTTY: true, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream
    {
      using progress = new Progress(out, () => 1000)
      progress.show('moods', 1, 2)
    }
    expect(written[0]?.startsWith('\r\u001B[K[')).toBe(true)
    expect(written.at(-1)).toBe('\r\u001B[K')
  })
})
