/** The relay that Bluesky runs (https://github.com/bluesky-social/indigo, `cmd/relay`), built where Go is at hand. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const PACKAGE = 'github.com/bluesky-social/indigo/cmd/relay'
const VERSION = 'v0.0.0-20260605210604-af2fec94f34c'
/** Its `go.mod` asks for no older one. */
const GO = [1, 26] as const

/** The program, or why there is none. */
export type Found = { readonly path: string } | { readonly missing: string }

/**
 * Finds the program of `MOODS_RELAY`, the one that was built before, or builds it, which takes some minutes.
 *
 * @param say told that it is built
 */
export function findRelay(say: (line: string) => void): Found {
  const named = process.env['MOODS_RELAY']
  if (named) return existsSync(named) ? { path: named } : { missing: `MOODS_RELAY names no file: ${named}` }
  const folder = join(homedir(), '.cache', 'moods', `relay-${VERSION}`)
  const path = join(folder, 'relay')
  if (existsSync(path)) return { path }
  const why = whyNoGo()
  if (why !== null) return { missing: why }
  say(`building ${PACKAGE}@${VERSION}: this takes some minutes, once`)
  mkdirSync(folder, { recursive: true })
  const env = { ...process.env, GOBIN: folder, GOTOOLCHAIN: 'auto' }
  const { status, stderr } = spawnSync('go', ['install', `${PACKAGE}@${VERSION}`], { env, encoding: 'utf8' })
  return status === 0 ? { path } : { missing: `it cannot be built: ${stderr.trim().split('\n').at(-1)}` }
}

function whyNoGo(): string | null {
  const { error, stdout } = spawnSync('go', ['version'], { encoding: 'utf8' })
  if (error) return 'Go is not at hand'
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(stdout) ?? []
  const isOld = Number(major) < GO[0] || (Number(major) === GO[0] && Number(minor) < GO[1])
  // An older one fetches the one that it needs, where it may.
  return isOld && Number(minor) < 21 ? `Go ${major}.${minor} is too old` : null
}
