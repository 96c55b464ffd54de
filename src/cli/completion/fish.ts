/** Completion for fish. */

import type { CommandWords } from './words.ts'

/** @returns a script to be sourced, or to be put into ~/.config/fish/completions as `moods.fish` */
export function fishCompletion(words: readonly CommandWords[]): string {
  const names = words.flatMap(({ name }) => (name === '' ? [] : quoted(name)))
  return `# Completion of moods for fish. In ~/.config/fish/config.fish: moods completion fish | source
function __moods_at --description 'whether the command line has come to this command of moods'
    set -l command ''
    for word in (commandline --tokenize --cut-at-cursor --current-process)[2..-1]
        set -l longer (string trim -- "$command $word")
        if contains -- "$longer" ${names.join(' ')}
            set command $longer
        end
    end
    test "$command" = "$argv[1]"
end
complete --command moods --no-files
${words.flatMap(linesOf).join('\n')}
`
}

function linesOf({ name, commands, choices, options }: CommandWords): string[] {
  const start = `complete --command moods --condition ${quoted(`__moods_at ${quoted(name)}`)}`
  return [
    ...commands.map((command) => `${start} --arguments ${command.name} --description ${quoted(command.description)}`),
    ...choices.map((choice) => `${start} --arguments ${choice}`),
    ...options.map(({ names, description, value }) => {
      const flags = names.map((flag) =>
        flag.startsWith('--') ? `--long-option ${flag.slice(2)}` : `--short-option ${flag.slice(1)}`,
      )
      return `${start} ${flags.join(' ')}${valueOf(value)} --description ${quoted(description)}`
    }),
  ]
}

function valueOf(value: CommandWords['options'][number]['value']): string {
  switch (value) {
    case 'none':
      return ''
    case 'any':
      return ' --exclusive'
    case 'file':
      return ' --require-parameter --force-files'
    default:
      return ` --exclusive --arguments ${quoted(value.join(' '))}`
  }
}

/** A text as one word of fish, whose quotes know other escapes than those of other shells. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`
}
