/** `moods completion`: what makes a shell complete commands, options and their values. */

import { Argument, Command } from 'commander'

type Shell = 'bash' | 'zsh' | 'fish'

const HELP = `
bash  source <(moods completion bash)      in ~/.bashrc
zsh   source <(moods completion zsh)       in ~/.zshrc, after compinit
fish  moods completion fish | source       in ~/.config/fish/config.fish
In a clone, "alias moods='npx moods'" comes before it.`

export function completionCommand(): Command {
  return new Command('completion')
    .description('prints a script that completes commands, options and their values in a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish'] satisfies Shell[]))
    .addHelpText('after', HELP)
    .action(async (shell: Shell, _options, command: Command) => console.log(await scriptFor(shell, command.parent!)))
}

async function scriptFor(shell: Shell, program: Command): Promise<string> {
  const { wordsOf } = await import('../completion/words.ts')
  const words = wordsOf(program)
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash.ts')).bashCompletion(words)
    case 'zsh':
      return (await import('../completion/zsh.ts')).zshCompletion(words)
    case 'fish':
      return (await import('../completion/fish.ts')).fishCompletion(words)
  }
}
