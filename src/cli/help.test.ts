import { describe, expect, it, vi } from 'vitest'
import { wrap } from './help.ts'
import { commandsOf, createProgram, nameOf } from './program.ts'

describe('help', () => {
  it('breaks long lines below where their text begins', () => {
    expect(wrap('one two three four\n\nfive', 9)).toBe('one two\nthree\nfour\n\nfive')
    expect(wrap('  PORT   the port that the server takes', 20)).toBe(
      ['  PORT   the port', '         that the', '         server', '         takes'].join('\n'),
    )
    expect(wrap('a-word-that-is-longer-than-a-line b', 10)).toBe('a-word-that-is-longer-than-a-line\nb')
    expect(wrap('\u001B[1mone\u001B[22m two three', 7)).toBe('\u001B[1mone\u001B[22m two\nthree')
  })

  const program = createProgram(() => {})
  const commands = [program, ...commandsOf(program)].map(
    (command) => [command.parent ? nameOf(command) : '', command] as const,
  )

  it.each(commands)('moods %s --help fits into any terminal', (_, command) => {
    for (const width of [60, 80, 132]) {
      Object.defineProperty(process.stdout, 'columns', { value: width, configurable: true })
      let text = ''
      const write = vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
        text += String(part)
        return true
      })
      command.outputHelp()
      write.mockRestore()
      const long = text.split('\n').filter((line) => line.length > width && line.trim().includes(' '))
      expect([width, long]).toEqual([width, []])
      expect(text).toMatch(/^Usage: moods/)
    }
  })
})
