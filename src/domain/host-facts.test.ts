import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  contradicts,
  guardsAll,
  type HostFacts,
  isFresh,
  isGuarded,
  mostWrites,
  readHostFacts,
  REFERENCE,
  refusesBatches,
  weaknesses,
  WEAKEST,
} from './host-facts.ts'
import { MAX_WRITES } from './batches.ts'
import { type Failure, isLostSwap } from './outcome.ts'
import type { RepoWrite } from './plan.ts'

const reference: HostFacts = { ...REFERENCE, at: 0 }
const value = { $type: 'a.b.c' }
const create: RepoWrite = { action: 'create', rkey: 'a', value, cid: 'x' }
const update: RepoWrite = { action: 'update', rkey: 'a', value, cid: 'x', was: 'y' }
const remove: RepoWrite = { action: 'delete', rkey: 'a' }
const uncertain = (code: string): Failure => ({ kind: 'uncertain', code, answered: true })

const swap = fc.constantFrom('protects' as const, 'ignored' as const, 'refused' as const)
const someFacts = fc.record({
  at: fc.nat(),
  nullSwap: swap,
  cidSwap: swap,
  batches: fc.constantFrom('protected' as const, 'unprotected' as const, 'none' as const),
  deletesNothing: fc.boolean(),
  getBlocks: fc.boolean(),
  getRepo: fc.boolean(),
})

describe('facts of a host', () => {
  it('are read as they were stored, and anything else is not known', () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        expect(readHostFacts(structuredClone(facts))).toEqual(facts)
      }),
    )
    const damaged = fc.tuple(
      someFacts,
      fc.constantFrom(...Object.keys(WEAKEST)),
      fc.constantFrom(null, 'x', 1.5, {}, []),
    )
    fc.assert(
      fc.property(damaged, ([facts, name, odd]) => {
        expect(readHostFacts({ ...facts, [name]: odd })).toBeNull()
      }),
    )
    fc.assert(
      fc.property(fc.anything(), (odd) => {
        expect(() => readHostFacts(odd)).not.toThrow()
      }),
    )
  })

  it('count for a week, and not from the future', () => {
    const week = 7 * 24 * 3_600_000
    const facts = { ...reference, at: week }
    expect(isFresh(facts, week)).toBe(true)
    expect(isFresh(facts, 2 * week - 1)).toBe(true)
    expect(isFresh(facts, 2 * week)).toBe(false)
    expect(isFresh({ ...facts, at: week + 60_001 }, week)).toBe(false)
    expect(isFresh(WEAKEST, week)).toBe(false)
  })
})

describe('a write is guarded', () => {
  it.each<[string, Partial<HostFacts>, RepoWrite[], boolean]>([
    ['a creation, where null is compared', {}, [create], true],
    ['a creation, where null is ignored', { nullSwap: 'ignored' }, [create], false],
    ['a creation, where null is refused', { nullSwap: 'refused' }, [create], false],
    ['a creation, where only a CID is ignored', { cidSwap: 'ignored' }, [create], true],
    ['a replacement, where a CID is compared', { nullSwap: 'ignored' }, [update], true],
    ['a replacement, where a CID is ignored', { cidSwap: 'ignored' }, [update], false],
    ['a batch, where it does not write over', { nullSwap: 'ignored' }, [create, create], true],
    ['a batch, where it does', { batches: 'unprotected' }, [create, create], false],
    ['a replacement in a batch, which names nothing', {}, [create, update], false],
    ['deletions anywhere', WEAKEST, [remove, remove], true],
  ])('%s', (_what, facts, writes, expected) => {
    expect(isGuarded({ ...reference, ...facts }, writes)).toBe(expected)
  })

  it('all that the engine sends is, where the host guards all', () => {
    const sent = fc.constantFrom([create], [update], [remove], [create, create], [remove, remove])
    fc.assert(
      fc.property(someFacts, sent, (facts, writes) => {
        if (guardsAll(facts) && writes.length <= mostWrites(facts)) expect(isGuarded(facts, writes)).toBe(true)
      }),
    )
    expect(guardsAll(reference)).toBe(true)
    expect(guardsAll(WEAKEST)).toBe(false)
  })
})

describe('what a host answers', () => {
  it('a lost swap is one by any of its names', () => {
    expect(['InvalidSwap', 'RecordAlreadyExists'].map((code) => isLostSwap(uncertain(code)))).toEqual([true, true])
    expect(isLostSwap(uncertain('InternalServerError'))).toBe(false)
  })

  it('batches are refused where a batch is answered by there being no such method', () => {
    expect(refusesBatches([create, create], uncertain('MethodNotImplemented'))).toBe(true)
    expect(refusesBatches([create], uncertain('MethodNotImplemented'))).toBe(false)
    expect(refusesBatches([create, create], uncertain('InternalServerError'))).toBe(false)
    expect(mostWrites({ ...reference, batches: 'none' })).toBe(1)
    expect(mostWrites({ ...reference, batches: 'unprotected' })).toBe(MAX_WRITES)
  })

  it('contradicts what is known where a batch is refused, or something was compared that should not have been', () => {
    expect(contradicts(reference, [create, create], uncertain('Status501'))).toBe(true)
    expect(contradicts({ ...reference, batches: 'none' }, [create, create], uncertain('Status501'))).toBe(false)
    expect(contradicts(reference, [create], uncertain('InvalidSwap'))).toBe(false)
    expect(contradicts({ ...reference, nullSwap: 'ignored' }, [create], uncertain('InvalidSwap'))).toBe(true)
    expect(contradicts({ ...reference, nullSwap: 'ignored' }, [update], uncertain('InvalidSwap'))).toBe(false)
    expect(contradicts(WEAKEST, [remove], uncertain('InvalidSwap'))).toBe(false)
  })
})

describe('the words for a host', () => {
  it('are none for one like the reference PDS, and some for each difference', () => {
    expect(weaknesses(reference)).toEqual([])
    fc.assert(
      fc.property(someFacts, (facts) => {
        const { at: _, ...traits } = facts
        const isEqual = Object.entries(traits).every(([name, trait]) => Reflect.get(REFERENCE, name) === trait)
        expect(weaknesses(facts).length > 0).toBe(!isEqual)
      }),
    )
    expect(weaknesses({ ...WEAKEST, cidSwap: 'refused' })).toEqual([
      'refuses swapRecord: every write may overwrite',
      'has no applyWrites: one request for each mood',
      'refuses to delete what is not there',
      'has no getBlocks: repositories are read whole',
      'has no getRepo: repositories are read page by page',
    ])
  })
})
