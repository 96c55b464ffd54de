/** The words that a command line may continue with: what completion of every shell is made of. */

import type { Command, Option } from 'commander'
import { commandsOf, nameOf } from '../program.ts'

interface OptionWords {
  /** Such as `-h` and `--help`. */
  readonly names: readonly string[]
  readonly description: string
  /** What follows it: nothing, a file, one of these words, or what nobody can know beforehand. */
  readonly value: 'none' | 'file' | 'any' | readonly string[]
}

/** What may follow the name of a command. */
export interface CommandWords {
  /** The words of its name, without `moods`; empty for `moods` itself. */
  readonly name: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly OptionWords[]
  /** What its argument may be, where that is known. */
  readonly choices: readonly string[]
}

/** `moods` itself first, then all commands. */
export function wordsOf(program: Command): readonly CommandWords[] {
  return [program, ...commandsOf(program)].map((command) => {
    const help = command.createHelp()
    return {
      name: command === program ? '' : nameOf(command),
      commands: help.visibleCommands(command).map((each) => ({ name: each.name(), description: each.description() })),
      options: help.visibleOptions(command).map(optionWords),
      choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    }
  })
}

function optionWords({ short, long, flags, description, argChoices }: Option): OptionWords {
  const [, placeholder] = /[<[](.+)[>\]]/.exec(flags) ?? []
  const isFile = placeholder === 'file' || placeholder === 'path'
  const value = argChoices ?? (placeholder === undefined ? 'none' : isFile ? 'file' : 'any')
  return { names: [short, long].filter((name) => name !== undefined), description, value }
}

/** Options that take a value, with the name of the command that has them. */
export function valuesOf(words: readonly CommandWords[]) {
  return words.flatMap(({ name: command, options }) => {
    return options.flatMap(({ names, value }) =>
      value === 'none' ? [] : names.map((name) => ({ command, name, value })),
    )
  })
}
