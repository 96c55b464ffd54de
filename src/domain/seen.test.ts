import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Seen } from './seen.ts'

it('says of every text that was noted that it was', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
      const seen = new Seen(texts.length)
      for (const text of texts) seen.again(text)
      expect(texts.every((text) => seen.again(text))).toBe(true)
    }),
  )
})

it('takes hardly a new text for one that was noted, of names that are nearly the same', () => {
  for (const name of [
    (n: number) => `did:plc:${n}`,
    (n: number) => `person-${n}`,
    (n: number) => String.fromCodePoint(0x4e00 + (n % 20_000), 0x1f300 + Math.floor(n / 20_000)),
  ]) {
    const seen = new Seen(100_000)
    let taken = 0
    for (let n = 0; n < 100_000; n++) if (seen.again(name(n))) taken++
    expect(taken).toBeLessThan(20)
  }
})

it('knows all that it has noted where there are more than it was told of', () => {
  const seen = new Seen(1)
  for (let n = 0; n < 50_000; n++) seen.again(`did:plc:${n}`)
  for (let n = 0; n < 50_000; n++) expect(seen.again(`did:plc:${n}`)).toBe(true)
})
