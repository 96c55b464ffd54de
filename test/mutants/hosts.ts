/** Bugs of what is known of hosts: a host is taken for what it is not, or finding out what it is costs more than it may. */

import type { Mutant } from './mutant.ts'

const FACTS = ['src/domain/host-facts.test.ts']
const KNOWN = ['src/sync/known-hosts.test.ts']

export const OF_HOSTS: readonly Mutant[] = [
  {
    bug: 'host: every write is taken for compared, whatever the host does',
    file: 'src/domain/host-facts.ts',
    find: "return (action === 'create' ? facts.nullSwap : facts.cidSwap) === 'protects'",
    replace: 'return true',
    tests: FACTS,
  },
  {
    bug: 'host: a creation counts as harmless where the host does not compare',
    file: 'src/sync/send.ts',
    find: "const isDestructive = !isProof || writes.some(({ action }) => action !== 'create')",
    replace: "const isDestructive = writes.some(({ action }) => action !== 'create')",
    tests: ['test/integration/host-facts.test.ts'],
  },
  {
    bug: 'host: batches are sent where there are none',
    file: 'src/domain/host-facts.ts',
    find: "return batches === 'none' ? 1 : MAX_WRITES",
    replace: 'return batches.length > 0 ? MAX_WRITES : 1',
    tests: FACTS,
  },
  {
    bug: 'host: what is known of one is believed of another',
    file: 'src/sync/known-hosts.ts',
    find: 'let seen = this.#seen.get(pds)',
    replace: 'let seen = [...this.#seen.values()][0]',
    tests: KNOWN,
  },
  {
    bug: 'host: what is known is never found out again',
    file: 'src/domain/host-facts.ts',
    find: 'return at > now - GOOD_FOR_MS && !isVoid',
    replace: 'return at > now - 1e6 * GOOD_FOR_MS && !isVoid',
    tests: [...FACTS, ...KNOWN],
  },
  {
    bug: 'host: an answer that contradicts what is known changes nothing',
    file: 'src/sync/known-hosts.ts',
    find: 'if (known !== null && contradicts(known, writes, failure)) await this.#keep(pds, null)',
    replace: 'contradicts(known ?? WEAKEST, writes, failure)',
    tests: KNOWN,
  },
  {
    bug: 'host: test records are paid from the points of the account',
    file: 'src/pds/xrpc.ts',
    find: 'free.#isCharged = false',
    replace: 'free.#isCharged = true',
    tests: ['test/integration/host-facts.test.ts'],
  },
  {
    bug: 'host: one that is probed in vain is probed again and again',
    file: 'src/sync/known-hosts.ts',
    find: 'RETRY_MS * 4 ** Math.max(0, inVain - 1)',
    replace: 'RETRY_MS + 0 * inVain',
    tests: KNOWN,
  },
  {
    bug: 'host: a copy that is behind the PDS is believed that a new record is gone',
    file: 'src/domain/plan.ts',
    find: 'return firstPublished.at + COPIES_LAG_MS',
    replace: 'return firstPublished.at',
    tests: ['src/domain/plan.test.ts', 'test/integration/other-hosts.test.ts'],
  },
  {
    bug: 'host: of many in trouble, only the first are ever probed',
    file: 'src/sync/probe-hosts.ts',
    find: "this.#after = last?.host ?? ''",
    replace: "this.#after = last === undefined ? this.#after : ''",
    tests: ['src/sync/probe-hosts.test.ts'],
  },
]
