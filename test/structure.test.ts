/** What the source itself must keep to, where no linter can tell. */

import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseSync } from 'vite'
import { SYNC_STATES } from '../src/domain/sync.ts'

interface Node {
  readonly type: string
  readonly start: number
  readonly [field: string]: unknown
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** A node with those around it, the nearest first. */
type Visit = (node: Node, around: readonly Node[]) => void

function walk(node: Node, visit: Visit, around: readonly Node[] = []): void {
  visit(node, around)
  for (const value of Object.values(node).flat()) if (isNode(value)) walk(value, visit, [node, ...around])
}

function nameOf(node: unknown): unknown {
  return isNode(node) ? (node['name'] ?? node['value']) : undefined
}

/** Whether a sync state stands in an expression: as it is, as a constant, or as a branch. */
function statesIn(value: unknown): boolean {
  if (!isNode(value)) return false
  if (value.type === 'Literal') return (SYNC_STATES as readonly unknown[]).includes(value['value'])
  if (value.type === 'ConditionalExpression') return statesIn(value['consequent']) || statesIn(value['alternate'])
  if (value.type === 'ArrayExpression') return (value['elements'] as unknown[]).some(statesIn)
  if (value.type === 'ObjectExpression') return (value['properties'] as Node[]).some((each) => statesIn(each['value']))
  return statesIn(value['expression']) || statesIn(value['right'])
}

/** Methods whose first argument, and names whose value, select documents and change none. */
const SELECTING_CALLS = new Set(['find', 'findOne', 'countDocuments', '#page', '#byId', '#withMoods'])
const SELECTING_NAMES = new Set(['filter', '$match', 'partialFilterExpression'])

function selects(object: Node, [parent]: readonly Node[]): boolean {
  if (parent?.type === 'CallExpression') {
    const callee = parent['callee'] as Node
    const method = isNode(callee['property']) ? callee['property'] : undefined
    const name = method?.type === 'PrivateIdentifier' ? `#${String(nameOf(method))}` : nameOf(method)
    return SELECTING_CALLS.has(String(name)) && (parent['arguments'] as unknown[])[0] === object
  }
  if (parent?.type === 'Property') return SELECTING_NAMES.has(String(nameOf(parent['key'])))
  return parent?.type === 'VariableDeclarator' && SELECTING_NAMES.has(String(nameOf(parent['id'])))
}

/** What an SQL statement sets the state of moods to, unless it is a value that is handed in. */
function setsState(sql: string): boolean {
  const [, columns = ''] = /UPDATE\s+moods\s+SET\s([\s\S]*?)(?:\bWHERE\b|$)/i.exec(sql) ?? []
  return /\bstate\s*=(?!\s*:state\b)/.test(columns)
}

/** Lines of a source where a sync state is made by hand. */
function handMade(file: string, source: string): string[] {
  const found: string[] = []
  const note = ({ start }: Node): number => found.push(`${file}:${source.slice(0, start).split('\n').length}`)
  walk(parseSync(file, source).program as unknown as Node, (node, around) => {
    if (node.type === 'Property' && statesIn(node['value'])) {
      const name = nameOf(node['key'])
      const object = around[0]!
      if (name === 'state' && object.type === 'ObjectExpression') note(node)
      if (name === 'atproto.state' && !selects(object, around.slice(1))) note(node)
    }
    if (node.type === 'AssignmentExpression' && statesIn(node['right'])) {
      const { property } = node['left'] as { property?: unknown }
      if (/^(?:atproto\.)?state$/.test(String(nameOf(property)))) note(node)
    }
    if (node.type === 'TemplateLiteral' || node.type === 'Literal') {
      if (setsState(source.slice(node.start, node['end'] as number))) note(node)
    }
  })
  return found
}

describe('a sync state', () => {
  it('is built by the constructors in domain/sync, and nowhere else', () => {
    const files = globSync('src/**/*.{ts,tsx}').filter(
      (file) => !/\.test\.ts$|^src\/(?:lexicons|pds\/lexicons|web)\//.test(file),
    )
    expect(files.length).toBeGreaterThan(100)
    const found = files
      .filter((file) => file !== 'src/domain/sync.ts')
      .flatMap((file) => {
        // An account has a state of its own, and one of its words is the same.
        const source = readFileSync(file, 'utf8')
        return handMade(file, file === 'src/domain/account.ts' ? source.replaceAll("'pending'", "'waiting'") : source)
      })
    expect(found).toEqual([])
  })

  it('is noticed wherever it could be built by hand', () => {
    const made = (source: string): number => handMade('x.ts', source).length
    expect(made(`const a = { ...mood.sync, state: 'local' }`)).toBe(1)
    expect(made(`const a = { sync: { state: 'rejected' as const, error } }`)).toBe(1)
    expect(made(`const a = { state: isDue ? 'pending' : other }`)).toBe(1)
    expect(made(`sync.state = 'published'`)).toBe(1)
    expect(made(`const fields = { 'atproto.state': 'pending' as const, 'atproto.hold': null }`)).toBe(1)
    expect(made(`moods.updateMany(filter, { $set: { 'atproto.state': 'pending' } })`)).toBe(1)
    expect(made(`moods.updateMany(filter, [{ $set: { 'atproto.state': { $cond: [a, 'pending', 'local'] } } }])`)).toBe(
      1,
    )
    expect(made("db.prepare(`UPDATE moods SET due_at = :now, state = 'pending' WHERE state = 'local'`)")).toBe(1)
    expect(made(`db.prepare("UPDATE moods SET state = CASE WHEN uri IS NULL THEN 'local' END")`)).toBe(1)
  })

  it('may be selected by, compared with, and read from a row', () => {
    const made = (source: string): number => handMade('x.ts', source).length
    expect(made(`const filter = { 'atproto.state': 'pending' as const, user }`)).toBe(0)
    expect(made(`moods.find({ 'atproto.state': 'local' })`)).toBe(0)
    expect(made(`this.#page({ 'atproto.state': 'rejected' }, after, limit)`)).toBe(0)
    expect(made(`const p = [{ $match: { 'atproto.state': 'rejected' } }]`)).toBe(0)
    expect(made(`if (sync.state === 'published') return { state: row.state }`)).toBe(0)
    expect(made("db.prepare(`UPDATE moods SET state = :state, uri = :uri WHERE state = 'local'`)")).toBe(0)
    expect(made(`interface A { state: 'pending' | 'ready' }`)).toBe(0)
  })
})

/** Words that are right for several things only. */
const SEVERAL =
  /^ (?:(?!with |for |of |to )[a-z]+ )?(?:accounts|attempts|audits|deletions|documents|erasures|files|findings|handles|hosts|lists|moods|passwords|posts|records|repairs|repos|repositories|requests|users|workers|are|do|have|need|were)\b/

/** Places where a number that may be 1 is followed by such a word. */
function pluralsOf(file: string, source: string): string[] {
  const found: string[] = []
  walk(parseSync(file, source).program as unknown as Node, (node) => {
    if (node.type !== 'TemplateLiteral') return
    const parts = node['quasis'] as { readonly value: { readonly cooked: string } }[]
    for (const [i, { value }] of parts.slice(1).entries()) {
      const before = (node['expressions'] as Node[])[i]!
      const isInWords = before.type === 'CallExpression' && nameOf(before['callee']) === 'counted'
      // One of several words, and no number.
      const isWord = before.type === 'ConditionalExpression'
      if (!isInWords && !isWord && SEVERAL.test(value.cooked)) found.push(`${file}: …${value.cooked.slice(0, 40)}`)
    }
  })
  return found
}

describe('a number in a text', () => {
  it('is followed by words for one thing where it is 1 (domain/tally, counted)', () => {
    const files = globSync('src/**/*.{ts,tsx}').filter((file) => !file.endsWith('.test.ts'))
    expect(files.flatMap((file) => pluralsOf(file, readFileSync(file, 'utf8')))).toEqual([])
  })

  it('is noticed where it is not', () => {
    const found = (source: string): number => pluralsOf('x.ts', source).length
    expect(found('const a = `${n} users`')).toBe(1)
    expect(found('const a = `${String(n).padStart(6)} moods  ${name}`')).toBe(1)
    expect(found('const a = `${a} of ${n} older moods`')).toBe(1)
    expect(found('const a = `${n} were never read`')).toBe(1)
    expect(found("const a = `${counted(n, 'user')}, ${n} published`")).toBe(0)
  })
})
