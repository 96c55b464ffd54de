/** Reading frames of a firehose: whatever a host sends, nothing throws. */

import { encode } from '@atcute/cbor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFrame } from './firehose.ts'

const DID = `did:plc:${'a'.repeat(24)}`

function frameOf(...parts: readonly (Uint8Array | object)[]): ArrayBuffer {
  const bytes = parts.map((part) => (part instanceof Uint8Array ? part : encode(part)))
  return new Uint8Array(Buffer.concat(bytes)).buffer
}

const commit = { op: 1, t: '#commit' }
const body = { repo: DID, ops: [{ action: 'create', path: 'a.b.c/1', cid: null }] }

describe('a frame of a firehose', () => {
  it('tells the operations of a commit to the repo that is followed, and of no other', () => {
    expect(readFrame(frameOf(commit, body), DID)).toEqual({ operations: ['create a.b.c/1'] })
    for (const [header, other] of [
      [commit, { ...body, repo: 'did:plc:other' }],
      [{ op: 1, t: '#identity' }, body],
      [commit, { repo: DID }],
    ] as const) {
      expect(readFrame(frameOf(header, other), DID)).toEqual({ operations: [] })
    }
  })

  it('of an error ends the stream', () => {
    expect(readFrame(frameOf({ op: -1 }, { error: 'FutureCursor' }), DID)).toEqual({ end: 'the PDS ended the stream' })
  })

  it.each<[string, unknown]>([
    ['a text', 'hello'],
    ['nothing', new ArrayBuffer(0)],
    ['a header alone', frameOf(commit)],
    ['more than two values', frameOf(commit, body, body)],
    ['another header', frameOf({ op: 7 }, body)],
    ['more than five megabytes', frameOf(commit, { ...body, blocks: 'x'.repeat(5_000_001) })],
    [
      'more items than bytes',
      frameOf(commit, Buffer.concat(Array.from({ length: 99_999 }, () => Buffer.from('9a000fffff', 'hex')))),
    ],
  ])('that is %s is none', (_what, frame) => {
    expect(readFrame(frame, DID)).toEqual({ end: 'the PDS sends something else than events' })
  })

  it('is read whatever its bytes are', () => {
    const whole = new Uint8Array(frameOf(commit, body))
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 40 }), (at, bytes) => {
        const frame = Uint8Array.from([...whole.subarray(0, at), ...bytes, ...whole.subarray(at + bytes.length)])
        expect(Object.keys(readFrame(frame.buffer, DID))).toHaveLength(1)
        expect(Object.keys(readFrame(bytes.slice().buffer, DID))).toHaveLength(1)
      }),
    )
  })

  it('tells no operation that nobody could have asked for', () => {
    const long = { action: 'create', path: 'x'.repeat(100_000) }
    const odd = { repo: DID, ops: [long, null, 7, { action: 'delete', path: 'a.b.c/2' }] }
    expect(readFrame(frameOf(commit, odd), DID)).toMatchObject({
      operations: expect.arrayContaining(['delete a.b.c/2']),
    })
    expect(JSON.stringify(readFrame(frameOf(commit, odd), DID)).length).toBeLessThan(1_000)
  })
})
