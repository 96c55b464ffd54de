#!/usr/bin/env node
// Plain JavaScript, so that an older Node can still say what is missing.
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(`moods needs Node 24 or newer, and this is ${process.version}. In a clone, "npx moods" brings its own.`)
  process.exitCode = 2
} else if (existsSync(new URL('../src/main.ts', import.meta.url))) {
  // Keeps compiled code, types stripped: a command starts in half the time. Where it cannot be written, nothing is lost.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/moods', import.meta.url)))
  await import('../src/main.ts')
} else {
  // An installed package: Node takes no types out of sources below node_modules.
  const emitted = new URL('../dist/lib/main.js', import.meta.url)
  await import(emitted.href)
}
