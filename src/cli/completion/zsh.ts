/** Completion for zsh. */

import { quoted } from '../../domain/shell-word.ts'
import { type CommandWords, valuesOf } from './words.ts'

/** @returns a script to be sourced, or to be put into a folder of $fpath as `_moods` */
export function zshCompletion(words: readonly CommandWords[]): string {
  return `#compdef moods
# Completion of moods for zsh. In ~/.zshrc, after compinit: source <(moods completion zsh)
_moods() {
  local command="" i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "\${command:+$command }\${words[i]}" in
      ${words.flatMap(({ name }) => (name === '' ? [] : `(${quoted(name)})`)).join(' | ')})
        command="\${command:+$command }\${words[i]}" ;;
    esac
  done
  case "$command:\${words[CURRENT - 1]}" in
${valuesOf(words).map(valueCase).join('\n')}
  esac
  case "$command" in
${words.map(wordsCase).join('\n')}
  esac
  _describe moods found
}
if [[ "\${funcstack[1]}" = _moods ]]; then
  _moods "$@"
else
  compdef _moods moods
fi
`
}

function valueCase({ command, name, value }: ReturnType<typeof valuesOf>[number]): string {
  const start = `    ${quoted(`${command}:${name}`)})`
  if (value === 'any') return `${start} return ;;`
  return `${start} ${value === 'file' ? '_files' : `compadd -- ${value.join(' ')}`}; return ;;`
}

function wordsCase({ name, commands, choices, options }: CommandWords): string {
  const all = [
    ...commands.map((command) => `${command.name}:${command.description}`),
    ...choices,
    ...options.flatMap(({ names, description }) => names.map((option) => `${option}:${description}`)),
  ]
  return `    ${quoted(name)})\n      found=(\n${all.map((each) => `        ${quoted(each)}`).join('\n')}\n      ) ;;`
}
