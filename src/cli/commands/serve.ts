/** `moods all`, `moods serve`, `moods worker`: run until told to stop. */

import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import { Command } from 'commander'
import type { Role } from '../../app.ts'
import { describeVariables, readConfig } from '../../config.ts'
import { untilInterrupted } from '../interrupt.ts'
import { preferSmallHeap } from '../memory.ts'

export function serveCommand(role: Role, description: string): Command {
  const variables = describeVariables().map(({ name, meaning, default: usual }) => {
    return `  ${name.padEnd(27)}${meaning}${usual === null ? '' : ` (default: ${usual})`}`
  })
  return new Command(role)
    .description(description)
    .addHelpText('after', `\nConfigured by environment variables:\n${variables.join('\n')}`)
    .action(() => run(role))
}

async function run(role: Role): Promise<void> {
  if (role === 'worker') preferSmallHeap()
  const config = readConfig(process.env, { serves: role !== 'worker' })
  using interrupted = untilInterrupted()
  const stop = once(interrupted.signal, 'abort')
  const [{ createApp }, { DataFolder }, { otherStoreOfServer }, { welcome, whoPublishes }] = await Promise.all([
    import('../../app.ts'),
    import('../../data-folder.ts'),
    import('../other-store.ts'),
    import('../welcome.ts'),
  ])
  // Before this start replaces what the last one noted.
  const note = role === 'worker' ? null : otherStoreOfServer(config, new DataFolder(config.dataFolder))
  await using app = await createApp(config, role)
  if (note !== null) console.error(note)
  console.log(await welcome(app, config))
  if (role === 'serve') console.log(await whoPublishes(app))
  // What bin/moods.js has compiled is kept now, and not only where the process comes to a peaceful end.
  flushCompileCache()
  await stop
  console.log('Stopping.')
}
