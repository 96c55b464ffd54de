/** Two servers of the same make: the real one, and one that answers a post with a constant, without sign-in and store. */

import { pino } from 'pino'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createHttp } from '../src/http/app.ts'
import type { Moods } from '../src/moods.ts'
import { Events } from '../src/observe/events.ts'
import { Wakeup } from '../src/wakeup.ts'
import { environment } from '../test/support/installation.ts'
import { aMood } from '../test/support/moods.ts'

const USERS = 256

const log = pino({ level: 'silent' })
const app = await createApp(readConfig(environment(process.argv[2]!), { serves: true }), 'serve', { log })
const tokens = await Promise.all(Array.from({ length: USERS }, (_, i) => app.trial!.issue(`bench-${i}`)))

const entry = { mood: aMood(), handle: 'alice' }
const constant = await createHttp(
  {
    ...app,
    tokenTime: Date.now,
    moods: { post: () => Promise.resolve(entry) } as unknown as Moods,
    trial: { verify: () => Promise.resolve('u1'), issue: () => Promise.resolve('') },
    events: new Events(log),
    changes: new Wakeup(),
    health: () => Promise.resolve([]),
  },
  new AsyncDisposableStack(),
)
const address = await constant.listen({ host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ real: app.address, constant: address, tokens }))
