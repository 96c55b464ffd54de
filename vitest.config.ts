import { defineConfig } from 'vitest/config'
import { findMongo } from './test/support/mongod.ts'

/** What depends on what the store does, and so is run on each of them. */
const ON_EVERY_STORE = [
  'test/faults/*.test.ts',
  'test/integration/{api,audit,budgets,changes,crashes,engine,erasure,events,failures,launch,leases,operate-cli,publish,rollback}.test.ts',
]

// Said once, here, which server it is, or how to get one.
const mongo = await findMongo((line) => console.log(line))

export default defineConfig({
  test: {
    // A real PDS, and in one case a real browser, take their time on a busy machine.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    globalSetup: 'test/support/global.ts',
    projects: [
      {
        extends: true,
        test: {
          name: 'sqlite',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/**/mongo*.test.ts'],
        },
      },
      ...(mongo
        ? [
            {
              extends: true as const,
              test: {
                name: 'mongodb',
                include: [...ON_EVERY_STORE, 'test/**/mongo*.test.ts'],
                setupFiles: 'test/support/on-mongodb.ts',
              },
            },
          ]
        : []),
    ],
  },
})
