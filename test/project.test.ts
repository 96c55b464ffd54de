/** The project about itself: the lock file is whole, and what documents list is compared with the code. */

import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Command } from 'commander'
import type { Row } from '../bench/rows.ts'
import { describeVariables } from '../src/config.ts'
import { MOOD_ADVICE } from '../src/domain/odd-advice.ts'
import { DOCUMENTS } from '../src/cli/json/documents.ts'
import { commandsOf, createProgram, nameOf } from '../src/cli/program.ts'
import { cliReference, jsonReference } from '../scripts/support/cli-reference.ts'

const documents = globSync(['*.md', 'docs/**/*.md'])

describe('the lock file', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, object> }

  it('has npm compile nothing (npm run lock)', () => {
    expect(lock.packages['node_modules/better-sqlite3']).toHaveProperty('gypfile', false)
    const sqlite = Object.keys(lock.packages).filter((name) => /(?<!@types)\/better-sqlite3$/.test(name))
    expect(sqlite).toEqual(['node_modules/better-sqlite3'])
  })

  it('names no registry', () => {
    expect(JSON.stringify(lock)).not.toContain('"resolved"')
  })
})

describe('documents', () => {
  it('say of every command what its --help says', () => {
    expect(readFileSync('docs/reference/cli.md', 'utf8')).toBe(cliReference())
  })

  it('describe every document that commands print with --json (npm run cli-reference)', () => {
    const described = globSync('docs/reference/json/*.json').map((file) => {
      return [basename(file), JSON.parse(readFileSync(file, 'utf8'))]
    })
    expect(Object.fromEntries(described)).toEqual(Object.fromEntries(jsonReference()))
    const printing = commandsOf(createProgram(() => {})).filter(({ options }) =>
      options.some(({ long }) => long === '--json'),
    )
    expect(printing.map(nameOf).toSorted()).toEqual(Object.keys(DOCUMENTS).toSorted())
  })

  it('list every configuration variable as the code describes it', () => {
    const text = readFileSync('docs/reference/configuration.md', 'utf8')
    const rows = text.split('\n').filter((line) => line.startsWith('| `'))
    const expected = describeVariables().map(({ name, meaning, default: usual }) => {
      return `| \`${name}\` | ${meaning} | ${usual === null ? '' : `\`${usual}\``} |`
    })
    expect(rows).toEqual(expected)
  })

  it('say of each field of a mood what the code says of it', () => {
    const text = readFileSync('docs/guides/odd-data.md', 'utf8')
    const rows = text.split('\n').filter((line) => line.startsWith('| `'))
    const expected = MOOD_ADVICE.map(({ fields, mayHold, mended, byHand }) => {
      const names = fields.map((field) => `\`${field}\``).join(', ')
      return `| ${names} | ${mayHold} | ${mended ?? 'nothing'} | ${byHand} |`
    })
    expect(rows).toEqual(expected)
  })

  it('give the figures of the last bench', () => {
    const { parts } = JSON.parse(readFileSync('bench/results/latest.json', 'utf8')) as { parts: Record<string, Row[]> }
    const rows = Object.values(parts)
      .flat()
      .map(({ work, ours, baseline, ratio, target, met }) => {
        return `| ${work} | ${ours} | ${baseline} | ${ratio.toFixed(2)} | ${target} | ${met ? 'yes' : 'no'} |`
      })
    const text = readFileSync('docs/performance.md', 'utf8')
    expect(text.split('\n').filter((line) => /\| (yes|no) \|$/.test(line))).toEqual(rows)
  })

  it.each(documents)('%s links to files that exist', (document) => {
    const folder = document.includes('/') ? document.slice(0, document.lastIndexOf('/') + 1) : ''
    const links = [...readFileSync(document, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, link]) => link!)
    expect(links.filter((link) => !existsSync(folder + link))).toEqual([])
  })

  it('name npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
    const named = documents.flatMap((document) =>
      [...readFileSync(document, 'utf8').matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script!),
    )
    expect(named.filter((script) => !(script in scripts))).toEqual([])
    expect(named.length).toBeGreaterThan(0)
  })

  it.each([
    ['docs/invariants.md', 'test/'],
    ['docs/gotchas.md', 'test/gotchas/'],
  ])('%s names tests that exist', (document, folder) => {
    const text = readFileSync(document, 'utf8')
    const references = [...text.matchAll(/`([\w./-]+\.test\.ts|contract\/[\w-]+\.ts)`((?:[,\s]*\*[^*]+\*)*)/g)]
    expect(references.length).toBeGreaterThan(15)
    for (const [, file, names] of references) {
      const inOther = file!.startsWith('src/') ? file! : `test/${file}`
      const source = readFileSync(file!.includes('/') ? inOther : `${folder}${file}`, 'utf8')
      for (const [, name] of names!.matchAll(/\*([^*]+)\*/g)) {
        expect(source, `${file} has no test "${name}"`).toContain(name!.replaceAll(/\s+/g, ' '))
      }
    }
  })

  it('say of each command in the README what --help knows too', () => {
    const readme = readFileSync('README.md', 'utf8')
    const named = [...readme.matchAll(/^\| `npx moods ([^|]+) \|/gm)].flatMap(([, cell]) =>
      cell!
        .replaceAll('`', '')
        .split(', ')
        .map((name) => name.split(' ')[0]!),
    )
    expect(named.toSorted()).toEqual(
      createProgram(() => {})
        .commands.map((command) => command.name())
        .toSorted(),
    )
  })

  it('give only commands and options that there are', () => {
    const lines = documents.flatMap((document) =>
      [...readFileSync(document, 'utf8').matchAll(/^(?:[A-Z_]+=\S+ )?npx moods (.+)$/gm)].map(([, rest]) => rest!),
    )
    expect(lines.length).toBeGreaterThan(20)
    for (const line of lines) {
      const words = line.replace(/ [>|#].*$/, '').split(' ')
      let command: Command = createProgram(() => {})
      for (let next; (next = command.commands.find((each) => each.name() === words[0])); command = next) words.shift()
      expect(command.parent, line).not.toBeNull()
      const options = words.filter((word) => word.startsWith('--'))
      const known = new Set(command.options.map(({ long }) => long))
      expect(
        options.filter((option) => !known.has(option)),
        line,
      ).toEqual([])
    }
  })
})
