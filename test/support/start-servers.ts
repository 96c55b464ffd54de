/** Before all tests: one MongoDB for all of them, where one can be had. */

import type { TestProject } from 'vitest/node'
import { findMongo, startSmallSet } from '../../scripts/support/mongod.ts'
import { temporaryFolder } from './installation.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A replica set, and the program of its server, if it is known; null where there is none. */
    readonly mongo: { readonly uri: string; readonly program: string | null } | null
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const found = await findMongo(() => {})
  if (!found || found.kind === 'uri') {
    project.provide('mongo', found && { uri: found.at, program: null })
    return () => Promise.resolve()
  }
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const { uri } = stack.use(await startSmallSet(found.at, `${folder.path}/mongo`))
  project.provide('mongo', { uri, program: found.at })
  const running = stack.move()
  return () => running.disposeAsync()
}
