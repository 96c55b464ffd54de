/** Completion for bash. Runs in its versions since 3.2, the one of macOS, and needs no package. */

import { type CommandWords, valuesOf } from './words.ts'

/** @returns a script to be sourced */
export function bashCompletion(words: readonly CommandWords[]): string {
  return `# Completion of moods for bash. In ~/.bashrc: source <(moods completion bash)
_moods() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" command="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${command:+$command }\${COMP_WORDS[i]}" in
      ${words.flatMap(({ name }) => (name === '' ? [] : `"${name}"`)).join(' | ')})
        command="\${command:+$command }\${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$command:\${COMP_WORDS[COMP_CWORD - 1]}" in
${valuesOf(words).map(valueCase).join('\n')}
  esac
  case "$command" in
${words.map(wordsCase).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _moods moods
`
}

function valueCase({ command, name, value }: ReturnType<typeof valuesOf>[number]): string {
  const start = `    "${command}:${name}")`
  if (value === 'any') return `${start} return ;;`
  const how = value === 'file' ? '-f' : `-W "${value.join(' ')}"`
  return `${start} COMPREPLY=($(compgen ${how} -- "$cur")); return ;;`
}

function wordsCase({ name, commands, choices, options }: CommandWords): string {
  const all = [...commands.map((command) => command.name), ...choices, ...options.flatMap(({ names }) => names)]
  return `    "${name}") words="${all.join(' ')}" ;;`
}
