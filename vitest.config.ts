import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { findMongo } from './scripts/support/mongod.ts'
import { ON_ONE_STORE, STORE_NAMES, STORES } from './test/support/stores.ts'

// A process of the tests starts sooner with code that has been compiled before.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/tests', import.meta.url))

// Prints once which server it is, or how to get one.
const mongo = await findMongo((line) => console.log(line))

const stores = STORE_NAMES.filter((name) => STORES[name].server === null || mongo !== null)

/** Files that wait long, though they do little: started last, everything would wait for them. */
const LONGEST =
  /\/(faults\/faults|integration\/(cli|health|lexicon|launch|looks|mongo-guide|mongo-majority|operate-cli|policy))\.test\.ts$/

function isLong({ moduleId }: TestSpecification): boolean {
  return LONGEST.test(moduleId)
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's own order, not an array's
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    // Real processes, and in one case a real browser, take their time on a busy machine. This is for tests that hang.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // One process runs many files, one after the other: loading a PDS takes longer than most files do.
    isolate: false,
    unstubEnvs: true,
    restoreMocks: true,
    // Much of the time is spent waiting, for processes and for requests that fail on purpose.
    maxWorkers: Math.max(3, Math.ceil(availableParallelism() / 2)),
    sequence: { sequencer: LongestFirst },
    globalSetup: 'test/support/start-servers.ts',
    projects: stores.map((name) => ({
      extends: true,
      test: {
        name,
        include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
        exclude: ON_ONE_STORE.filter(({ store }) => store !== name).map(({ files }) => files),
        setupFiles: [...STORES[name].setupFiles],
      },
    })),
  },
})
