/** What the command line loads before it knows what to do. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runMoods } from '../support/process.ts'

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

describe('moods', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    for (const option of ['-v', '--version']) {
      expect(await runMoods([option], {})).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
    }
  })

  it('prints colours in a terminal that has them, and only there', async () => {
    const styled = new RegExp(`${String.fromCodePoint(27)}\\[1mUsage:`)
    expect((await runMoods(['--help'], { FORCE_COLOR: '1' })).stdout).toMatch(styled)
    expect((await runMoods(['--help'], {})).stdout).toMatch(/^Usage: moods/)
    expect((await runMoods(['--help'], { NO_COLOR: '1' })).stdout).toMatch(/^Usage: moods/)
    const green = `${String.fromCodePoint(27)}[32mok`
    expect((await runMoods(['lexicon', 'validate'], { FORCE_COLOR: '1' })).stdout).toContain(green)
    expect((await runMoods(['lexicon', 'validate'], {})).stdout).toMatch(/^ok {5}/m)
    expect((await runMoods(['lexicon', 'validate', '--json'], { FORCE_COLOR: '1' })).stdout).not.toContain(green)
  })

  it('ends quietly when its reader has seen enough', async () => {
    const child = spawn(process.execPath, ['bin/moods.js', 'all', '--help'])
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    expect([code, stderr]).toEqual([0, ''])
  })
})
