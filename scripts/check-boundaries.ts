/**
 * Holds every import below src/ to the table of who may know whom. Part of `npm run lint`; run it alone with
 * `node scripts/check-boundaries.ts`.
 */

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/**
 * A room is a folder of src/ or a file directly in it. Each knows itself and the rooms listed here, from the inside out, so
 * a room may know only rooms above its own line.
 */
const KNOWS: Readonly<Record<string, readonly string[]>> = {
  lexicons: [],
  domain: ['lexicons'],
  ports: ['domain'],
  'wakeup.ts': [],
  'pause.ts': [],
  'version.ts': [],
  'shared-clock.ts': ['domain', 'ports', 'pause.ts'],
  observe: ['domain', 'pause.ts'],
  store: ['domain', 'ports'],
  pds: ['domain', 'ports', 'pause.ts'],
  sync: ['domain', 'ports', 'observe', 'wakeup.ts', 'pause.ts'],
  'record-reads.ts': ['domain', 'ports'],
  'moods.ts': ['domain', 'ports', 'sync', 'record-reads.ts'],
  'accounts.ts': ['domain', 'ports', 'sync'],
  'erasures.ts': ['domain', 'ports', 'sync'],
  'data-folder.ts': ['domain'],
  embedded: ['domain', 'store', 'data-folder.ts'],
  'config-forms.ts': ['domain'],
  'config.ts': ['domain', 'store', 'data-folder.ts', 'embedded', 'config-forms.ts'],
  lexicon: ['domain', 'ports', 'pds', 'pause.ts', 'data-folder.ts'],
  'network.ts': ['domain', 'store', 'data-folder.ts', 'config.ts', 'embedded'],
  http: [
    'domain',
    'ports',
    'observe',
    'wakeup.ts',
    'moods.ts',
    'accounts.ts',
    'erasures.ts',
    'data-folder.ts',
    'config.ts',
  ],
  operate: [
    'domain',
    'ports',
    'observe',
    'sync',
    'pause.ts',
    'moods.ts',
    'accounts.ts',
    'erasures.ts',
    'lexicon',
    'config.ts',
  ],
  'app.ts': ['*'],
  library: ['*'],
  'index.ts': ['*'],
  cli: ['*'],
  'main.ts': ['cli'],
  // Types alone: the page is built without the server's code.
  web: ['domain', 'http'],
}

/** Files that may know more: these look at the parts of an installation that may not open as a whole. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  'src/http/routes/health.ts': ['pds'],
  'src/operate/doctor.ts': ['store', 'pds', 'data-folder.ts', 'network.ts'],
  'src/operate/doctor-pds.ts': ['pds', 'network.ts'],
  'src/operate/doctor-relays.ts': ['pds'],
  'src/operate/status.ts': ['data-folder.ts', 'network.ts'],
}

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+)'/g
const order = Object.keys(KNOWS)

function roomOf(file: string): string {
  return relative('src', file).split('/')[0]!
}

function mayKnow(room: string, other: string): boolean {
  const known = KNOWS[room]!
  return room === other || known.includes(other) || (known[0] === '*' && order.indexOf(other) < order.indexOf(room))
}

const wrong: string[] = []
for (const file of globSync('src/**/*.{ts,tsx}', { exclude: ['**/*.test.ts'] }).toSorted()) {
  const room = roomOf(file)
  if (!(room in KNOWS)) wrong.push(`${file}: ${room} is in no line of the table in scripts/check-boundaries.ts`)
  else {
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const other = roomOf(join(dirname(file), specifier!))
      if (!mayKnow(room, other) && !EXCEPTIONS[file]?.includes(other))
        wrong.push(`${file}: ${room} must not know ${other}`)
    }
  }
}
for (const line of wrong) console.error(line)
if (wrong.length > 0) process.exitCode = 1
