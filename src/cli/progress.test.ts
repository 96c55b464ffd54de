import { describe as suite, expect, it } from 'vitest'
import { describe, Progress } from './progress.ts'

suite('progress', () => {
  it('prints how far, how fast, and how long it will take', () => {
    expect(describe('moods', 500, 2000, 50, false)).toBe('moods: 500 of 2000, 50 a second, 30 s left')
    expect(describe('moods', 500, 2000, 50, true)).toBe(
      '[██████··················] moods: 500 of 2000, 50 a second, 30 s left',
    )
    expect(describe('moods', 30, 30_000, 3, false)).toBe('moods: 30 of 30000, 3.0 a second, 2 h 46 min left')
    expect(describe('moods', 0, 0, 0, true)).toBe('moods: 0, 0.0 a second')
  })

  it('goes by the rate of the last half minute, not by what was there before', () => {
    let now = 0
    const lines: string[] = []
    const out = { isTTY: false, write: (text: string) => lines.push(text) } as unknown as NodeJS.WriteStream
    using progress = new Progress(out, () => now)
    for (now = 10_000; now <= 60_000; now += 10_000) progress.show('moods', 9_000 + now / 1000, 10_000)
    expect(lines[0]).toBe('moods: 9010 of 10000, 901 a second, 2 s left\n')
    expect(lines.at(-1)).toBe('moods: 9060 of 10000, 1.0 a second, 15 min 40 s left\n')
  })

  it('takes the rate of each kind of work by itself', () => {
    let now = 0
    const lines: string[] = []
    const out = { isTTY: false, write: (text: string) => lines.push(text) } as unknown as NodeJS.WriteStream
    using progress = new Progress(out, () => now)
    now = 10_000
    progress.show('moods read', 5_000, 5_000)
    progress.show('moods repaired', 0, 100)
    now = 20_000
    progress.show('moods repaired', 20, 100)
    expect(lines).toEqual([
      'moods read: 5000 of 5000, 500 a second\n',
      'moods repaired: 20 of 100, 2.0 a second, 40 s left\n',
    ])
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

  it('tells at once until when nothing can go on, and again only every ten seconds', () => {
    let now = 0
    const lines: string[] = []
    const out = { isTTY: false, write: (text: string) => lines.push(text) } as unknown as NodeJS.WriteStream
    using progress = new Progress(out, () => now)
    const until = Date.parse('2026-01-02T03:04:05.678Z')
    const told = 'moods: 3 of 100, waiting until 2026-01-02T03:04:05Z, as a budget or the PDS asks\n'
    for (now = 1_000; now <= 10_000; now += 1_000) progress.show('moods', 3, 100, until)
    expect(lines).toEqual([told])
    progress.show('moods', 3, 100, until)
    expect(lines).toEqual([told, told])
    now = 21_000
    progress.show('moods', 50, 100)
    expect(lines[2]).toMatch(/^moods: 50 of 100, [\d.]+ a second/)
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
