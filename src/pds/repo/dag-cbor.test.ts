/** Decoding what others have written: it takes no more memory than its bytes can hold. */

import { describe, expect, it } from 'vitest'
import { decodeBlock, decodePair } from './dag-cbor.ts'

describe('a block', () => {
  it('that announces the same bytes again and again is refused before there is room for them', () => {
    const header = Buffer.from('9a000186a0', 'hex')
    const bomb = Buffer.concat([...Array.from({ length: 50 }, () => header), Buffer.alloc(100_000)])
    expect(() => decodeBlock(bomb)).toThrow('more items are announced than there are bytes')
    expect(() => decodePair(bomb)).toThrow('more items are announced than there are bytes')
  })

  it('that is nested deeper than any record is refused', () => {
    const nested = Buffer.concat([Buffer.alloc(10_000, 0x81), Buffer.of(0)])
    expect(() => decodeBlock(nested)).toThrow('nested too deep')
    expect(decodeBlock(Buffer.concat([Buffer.alloc(20, 0x81), Buffer.of(0)]))).toBeInstanceOf(Array)
  })
})
