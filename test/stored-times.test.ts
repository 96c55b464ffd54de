/** The table of stored times in docs/architecture.md names every one that the code has, with the bound that the code keeps to. */

import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FURTHEST } from '../src/domain/furthest.ts'

const text = readFileSync('docs/architecture.md', 'utf8')
const section = /^## Times that are stored\n(.*?)^## /ms.exec(text)![1]!
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()))

/** Fields that are made at the moment and never stored. */
const NOT_STORED: Readonly<Record<string, readonly string[]>> = {
  'domain/budget.ts': ['waitUntil'],
  'domain/health.ts': ['dueAt', 'since'],
  'domain/host-notices.ts': ['since'],
  'domain/notice.ts': ['since'],
  'domain/reasons.ts': ['until'],
  'domain/relay-notice.ts': ['silentSince'],
}

const A_TIME = /readonly (at|since|until|when|\w+(?:At|Until|Since))\??: number/g

function timesIn(file: string): string[] {
  const name = file.replace('src/', '')
  const found = [...readFileSync(file, 'utf8').matchAll(A_TIME)].map(([, field]) => field!)
  return found.filter((field) => !NOT_STORED[name]?.includes(field)).map((field) => `${name} ${field}`)
}

describe('the table of stored times', () => {
  it('names every time of the domain that is stored, and no other', () => {
    const files = globSync('src/domain/*.ts').filter((file) => !file.endsWith('.test.ts'))
    const inCode = new Set(files.flatMap(timesIn))
    const inTable = rows.flatMap(([, times]) => {
      const names = [...times!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
      const [file, ...fields] = names.toReversed()
      return fields.map((field) => `${file} ${field}`)
    })
    expect(inTable.toSorted()).toEqual([...inCode].toSorted())
  })

  it('gives each bound as it is in the code, and uses all of them', () => {
    const UNITS = { min: 60_000, h: 3_600_000 } as const
    const cells = rows.map((row) => row[3]).join('\n')
    const inTable = [...cells.matchAll(/`(\w+)`, (\d+) (min|h)\b/g)].map(([, name, n, unit]) => {
      return [name, Number(n) * UNITS[unit as keyof typeof UNITS]]
    })
    expect(Object.fromEntries(inTable)).toEqual(FURTHEST)
  })
})
