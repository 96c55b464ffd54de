import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { wrap } from './help.ts'
import { commandsOf, createProgram, nameOf } from './program.ts'

describe('help', () => {
  it('breaks long lines below where their text begins', () => {
    expect(wrap('one two three four\n\nfive', 9)).toBe('one two\nthree\nfour\n\nfive')
    expect(wrap('  PORT   the port of the page, which the server takes', 40)).toBe(
      ['  PORT   the port of the page, which the', '         server takes'].join('\n'),
    )
    expect(wrap('  --report <file>   where the report is written', 42)).toBe(
      ['  --report <file>', '      where the report is written'].join('\n'),
    )
    expect(wrap('  \u001B[1mPORT\u001B[22m   the port of the page, which the server takes', 40)).toBe(
      ['  \u001B[1mPORT\u001B[22m   the port of the page, which the', '         server takes'].join('\n'),
    )
    expect(wrap('a-word-that-is-longer-than-a-line b', 10)).toBe('a-word-that-is-longer-than-a-line\nb')
    expect(wrap('\u001B[1mone\u001B[22m two three', 7)).toBe('\u001B[1mone\u001B[22m two\nthree')
  })

  const program = createProgram(() => {})
  const commands = [program, ...commandsOf(program)].map(
    (command) => [command.parent ? nameOf(command) : '', command] as const,
  )

  /** Where the text of each row of a table begins; null where it begins on the next line. */
  function columns(text: string): (number | null)[][] {
    const tables = text.split(/^(?:Options|Commands|Arguments):\n/m).slice(1)
    return tables.map((table) => {
      const rows = table.split('\n\n', 1)[0]!.split('\n')
      const terms = rows.filter((row) => /^ {2}\S/.test(row))
      return Array.from(new Set(terms.map((row) => /^ {2}\S+(?: \S+)* {2,}(?=\S)/.exec(row)?.[0].length ?? null)))
    })
  }

  it.each(commands)('moods %s --help fits into any terminal', (_, command) => {
    const before = Object.getOwnPropertyDescriptor(process.stdout, 'columns')
    onTestFinished(() => {
      if (before) Object.defineProperty(process.stdout, 'columns', before)
      else Reflect.deleteProperty(process.stdout, 'columns')
    })
    for (const width of [40, 60, 80, 120]) {
      Object.defineProperty(process.stdout, 'columns', { value: width, configurable: true })
      let text = ''
      const write = vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
        text += String(part)
        return true
      })
      command.outputHelp()
      write.mockRestore()
      const lines = text.split('\n')
      expect([width, lines.filter((line) => line.length > width || line.endsWith(' '))]).toEqual([width, []])
      expect(text).toMatch(/^Usage: moods/)
      // Each table has one column of text, and each option stands whole at the beginning of a line.
      for (const found of columns(text)) expect([width, found]).toEqual([width, [found[0]]])
      const terms = lines.map((line) => line.split(/(?<=\S) {2,}/, 1)[0])
      for (const { flags } of command.options) expect(terms).toContain(`  ${flags}`)
    }
  })
})
