/** Builds the page into dist/web, unless it is newer than everything it is made from. */

import { globSync, statSync, existsSync } from 'node:fs'
import { build } from 'vite'

const target = 'dist/web/index.html'
const sources = [...globSync('src/**/*.*'), 'vite.config.ts', 'package-lock.json']
const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs))

if (!existsSync(target) || statSync(target).mtimeMs < newest) await build({ configFile: 'vite.config.ts' })
