/** Bugs of what is asked of relays, and of their limits. */

import type { Mutant } from './mutant.ts'

const RELAY = 'src/domain/relay.test.ts'
const SIGHTING = 'src/domain/sighting.test.ts'
const WATCH = 'test/integration/relay-watch.test.ts'

export const OF_RELAYS: readonly Mutant[] = [
  {
    bug: 'a relay that lags is taken for one that shows everything',
    file: 'src/domain/sighting.ts',
    find: "if (rev === null || pdsRev === null || rev >= pdsRev) return 'visible'",
    replace: "if (rev !== null) return 'visible'",
    tests: [SIGHTING],
  },
  {
    bug: 'a relay calls an account visible that it does not pass on',
    file: 'src/domain/sighting.ts',
    find: '=== status && !CLAIMS.has(standing)',
    replace: '=== status',
    tests: [SIGHTING],
  },
  {
    bug: 'how long a task takes is worked out as if limits did not add up',
    file: 'src/domain/relay.ts',
    find: 'now = Math.max(...windows',
    replace: 'now = Math.min(...windows',
    tests: [RELAY],
  },
  {
    bug: 'what a relay says of another account is believed',
    file: 'src/pds/relay.ts',
    find: 'if (about !== did) throw',
    replace: 'if (about === undefined) throw',
    tests: [WATCH],
  },
  {
    bug: 'what a relay says is kept of a user who was erased meanwhile',
    file: 'src/operate/relay-watch.ts',
    find: 'if ((await store.accounts.byUser(user)) === null) await store.sightings.forget(user)',
    replace: 'await store.accounts.byUser(user)',
    tests: [WATCH],
  },
  {
    bug: 'a relay that asks to wait is asked on',
    file: 'src/pds/relay.ts',
    find: "if (answer.kind === 'later') await this.#ledger.block(key, now + answer.afterMs)",
    replace: "if (answer.kind === 'later') void now",
    tests: [WATCH],
  },
]
