/** What the command line loads before it knows what to do. */

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

/** Prints the address of each file that is loaded, when the process ends. */
const REPORTER = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({
    load(url, context, next) {
      loaded.push(url)
      return next(url, context)
    },
  })
  process.on('exit', () => process.stderr.write(JSON.stringify(loaded)))
`)}`

/** Files that are loaded, without those of Node itself. */
function loadedBy(...args: readonly string[]): string[] {
  const { stderr } = spawnSync(process.execPath, ['--import', REPORTER, 'bin/moods.js', ...args], { encoding: 'utf8' })
  return (JSON.parse(stderr) as string[]).filter((url) => url.startsWith('file:'))
}

describe('asking for help', () => {
  it.each(['--help', 'audit --help', 'all --help'])('moods %s loads one library: commander', (line) => {
    const libraries = loadedBy(...line.split(' ')).flatMap((url) => {
      return /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []
    })
    expect([...new Set(libraries)]).toEqual(['commander'])
  })
})
