import { describe, expect, it } from 'vitest'
import { aProof } from '../../../test/support/audits.ts'
import type { ShownProof } from '../../operate/proof.ts'
import { describeProof, proofAsJson } from './proof.ts'

const proof = { ...aProof(Date.UTC(2024, 2, 1)), seenAt: Date.UTC(2024, 2, 2) }
const shown: ShownProof = {
  user: 'u1',
  handle: 'anna',
  account: { did: proof.did, pds: 'https://pds.test', pdsHandle: 'anna.test' },
  mood: null,
  proof,
  age: 3_600_000,
  why: null,
  look: { at: proof.at, findings: {} },
  commands: [{ shows: 'the newest commit', command: "curl -s 'https://pds.test/x'" }],
  checked: null,
}

describe('a proof in words', () => {
  it('has all by which it can be checked, and its age', () => {
    expect(describeProof(shown).split('\n')).toEqual([
      'user      @anna (u1)',
      `account   ${proof.did} at https://pds.test, anna.test`,
      'proven    2 records equal to what the database wants, by a signed commit',
      `commit    ${proof.commit}`,
      `rev       ${proof.rev}`,
      'proven at 2024-03-01T00:00:00.000Z',
      'last seen 2024-03-02T00:00:00.000Z unchanged, 1 h 0 min ago',
      '',
      'What anyone can ask, without this program (docs/guides/proof.md has the rest):',
      '  # the newest commit',
      "  curl -s 'https://pds.test/x'",
    ])
    expect(describeProof({ ...shown, age: null })).toContain('nobody knows how old it is')
  })

  it('that is missing has its reason, and what an operator can do', () => {
    const why = { code: 'findings', text: 'the last audit found differences: 1 drift', remedy: 'Look.' } as const
    const text = describeProof({ ...shown, proof: null, age: null, why, commands: [] })
    expect(text).toContain('proven    no\nbecause   the last audit found differences: 1 drift\n')
    expect(text).toContain('last read 2024-03-01T00:00:00.000Z')
  })

  it('names the mood that was asked for, and what the reading has shown', () => {
    const mood = { id: 'm1', state: 'published', rkey: '3kmm22222222a', cid: 'c' } as const
    const checked = { result: 'differs', findings: { drift: 2 }, code: null } as const
    const text = describeProof({ ...shown, mood, checked })
    expect(text).toContain('mood      m1, published, record 3kmm22222222a, c\n')
    expect(text).toContain('checked   the proof does not hold: 2 drift\n')
  })

  it('for programs has its times as ISO 8601', () => {
    const document = proofAsJson(shown)
    expect(document.proof).toMatchObject({ at: '2024-03-01T00:00:00.000Z', seenAt: '2024-03-02T00:00:00.000Z' })
    expect(document).toMatchObject({ user: 'u1', proof: { ageMs: 3_600_000 }, why: null, checked: null })
  })
})
