/**
 * The stores that tests run on, and which test files run on which. A new store is an entry here, with a primary-NAME.ts, a
 * setup-NAME.ts, its server in start-servers.ts, and its line in vitest.config.ts.
 */

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { mongoPrimary } from './primary-mongodb.ts'
import { sqlitePrimary } from './primary-sqlite.ts'
import type { Primary } from './primary.ts'

export interface TestStore {
  /** The variable that names its server; installations of a process where it is set use that store. Null: it needs none. */
  readonly server: string | null
  /** What the test files on this store need first. */
  readonly setupFiles: readonly string[]
  /** What an installation with this data folder is configured with. */
  settings(folder: string): Record<string, string>
  primary(folder: string): Primary
}

export type StoreName = 'sqlite' | 'mongodb'

const MONGODB = 'MOODS_TEST_MONGODB'

/** A database of its own for each data folder. */
function mongoOf(folder: string): { readonly uri: string; readonly database: string } {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  return { uri: process.env[MONGODB] ?? '', database: `moods-test-${name}` }
}

export const STORES: Readonly<Record<StoreName, TestStore>> = {
  sqlite: {
    server: null,
    setupFiles: [],
    settings: () => ({}),
    primary: (folder) => sqlitePrimary(join(folder, 'moods.sqlite')),
  },
  mongodb: {
    server: MONGODB,
    setupFiles: ['test/support/setup-mongodb.ts'],
    settings(folder) {
      const { uri, database } = mongoOf(folder)
      return { MONGODB_URI: uri, MONGODB_NAME: database }
    },
    primary(folder) {
      const { uri, database } = mongoOf(folder)
      return mongoPrimary(uri, database)
    },
  },
}

export const STORE_NAMES = Object.keys(STORES) as readonly StoreName[]

/** The store of the installations that this process makes. */
export function chosenStore(): TestStore {
  return Object.values(STORES).find(({ server }) => server !== null && process.env[server]) ?? STORES.sqlite
}

interface OneStore {
  /** A file, or a pattern of files. */
  readonly files: string
  readonly store: StoreName
  readonly why: string
}

/** The test files that run on one store. Every other test file runs on each. */
export const ON_ONE_STORE: readonly OneStore[] = [
  { files: 'src/**/*.test.ts', store: 'sqlite', why: 'one file of source each, without an installation' },
  { files: 'test/*.test.ts', store: 'sqlite', why: 'read the project, not a store' },
  { files: 'test/e2e/*.test.ts', store: 'sqlite', why: 'the page, which sees a store only through the API' },
  { files: 'test/contract/sqlite*.test.ts', store: 'sqlite', why: 'the contract on this store, and its odd rows' },
  { files: 'test/contract/mongo*.test.ts', store: 'mongodb', why: 'the contract on this store, and its errors' },
  {
    files: 'test/gotchas/{node,pds,profiles,sqlite}.test.ts',
    store: 'sqlite',
    why: 'what they name, without an installation',
  },
  { files: 'test/gotchas/mongo.test.ts', store: 'mongodb', why: 'about MongoDB itself' },
  { files: 'test/odd/mongo-*.test.ts', store: 'mongodb', why: 'documents that only MongoDB lets in' },
  { files: 'test/odd/sqlite-*.test.ts', store: 'sqlite', why: 'rows that SQLite lets in' },
  { files: 'test/integration/mongo-*.test.ts', store: 'mongodb', why: 'databases that only MongoDB has' },
  { files: 'test/integration/bad-arguments.test.ts', store: 'sqlite', why: 'what commands refuse, whatever the store' },
  {
    files: 'test/integration/accounts-cli.test.ts',
    store: 'sqlite',
    why: 'mongo-accounts-cli is its part that depends',
  },
  { files: 'test/integration/unwell.test.ts', store: 'sqlite', why: 'above the port, which the contract covers' },
  { files: 'test/integration/daily-check.test.ts', store: 'sqlite', why: 'above the port, which the contract covers' },
  { files: 'test/integration/relay-*.test.ts', store: 'sqlite', why: 'above the port, which the contract covers' },
  { files: 'test/integration/cli.test.ts', store: 'sqlite', why: 'processes and files of a data folder' },
  {
    files: 'test/integration/{completion,startup}.test.ts',
    store: 'sqlite',
    why: 'the command line, which opens no store',
  },
  {
    files: 'test/integration/doctor.test.ts',
    store: 'sqlite',
    why: 'asks a store whether it answers, and what status shows',
  },
  { files: 'test/integration/erase-cli.test.ts', store: 'sqlite', why: 'copies the file of a store as its backup' },
  {
    files: 'test/integration/frozen.test.ts',
    store: 'sqlite',
    why: 'how long requests and commands wait; looks runs on each store',
  },
  {
    files: 'test/integration/json.test.ts',
    store: 'sqlite',
    why: 'documents, which are made above the ports of the store',
  },
  { files: 'test/integration/lexicon*.test.ts', store: 'sqlite', why: 'lexicons are in repos, not in a store' },
  { files: 'test/integration/log.test.ts', store: 'sqlite', why: 'what is logged is above the ports of the store' },
  { files: 'test/integration/outcome.test.ts', store: 'sqlite', why: 'answers of a PDS' },
  { files: 'test/integration/package.test.ts', store: 'sqlite', why: 'the installed package; use of the library' },
  { files: 'test/integration/pds.test.ts', store: 'sqlite', why: 'answers of a PDS' },
  {
    files: 'test/integration/retry.test.ts',
    store: 'sqlite',
    why: 'opens a SQLite store itself, without an installation',
  },
  { files: 'test/integration/host-facts.test.ts', store: 'sqlite', why: 'answers of a PDS' },
  { files: 'test/integration/other-hosts.test.ts', store: 'sqlite', why: 'answers of a PDS' },
  { files: 'test/integration/write-answers.test.ts', store: 'sqlite', why: 'answers of a PDS' },
  { files: 'test/integration/sign-in.test.ts', store: 'sqlite', why: 'tokens of a provider, which no store keeps' },
]
