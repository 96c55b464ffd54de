#!/usr/bin/env node
// Plain JavaScript, so that an older Node can still say what is missing.
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(`moods needs Node 24 or newer, and this is ${process.version}. In a clone, "npx moods" brings its own.`)
  process.exitCode = 2
} else {
  await import('../src/main.ts')
}
