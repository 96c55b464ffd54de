/** Which test files run on which store. */

import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ON_ONE_STORE } from './support/stores.ts'

const TESTS = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'])

it('each entry of ON_ONE_STORE names test files that exist, and no file is named twice', () => {
  const named = ON_ONE_STORE.map(({ files }) => globSync(files))
  expect(ON_ONE_STORE.filter((_, i) => named[i]!.length === 0)).toEqual([])
  const all = named.flat()
  expect(all.filter((file, i) => all.indexOf(file) !== i)).toEqual([])
})

it('each test file that runs on every store makes an installation; any other is named in ON_ONE_STORE', () => {
  const named = new Set(ON_ONE_STORE.flatMap(({ files }) => globSync(files)))
  const others = TESTS.filter((file) => !named.has(file))
  expect(others).not.toEqual([])
  expect(others.filter((file) => !/startApp|[a-z]\w*Site\b|runFaults/.test(readFileSync(file, 'utf8')))).toEqual([])
})
