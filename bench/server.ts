/**
 * Two servers of the same make: the real one, and one that answers a post after one bare insert, without sign-in, look-ups and
 * marks. Both are in one process, with an embedded PDS that has nothing to do: no engine runs beside them.
 */

import { pino } from 'pino'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { parseDraft, type MoodDraft, objectId } from '../src/domain/mood.ts'
import { rkeyFor } from '../src/domain/record.ts'
import { initial } from '../src/domain/sync.ts'
import { createHttp } from '../src/http/app.ts'
import type { Moods } from '../src/moods.ts'
import { Events } from '../src/observe/events.ts'
import { Wakeup } from '../src/wakeup.ts'
import { environment } from '../test/support/installation.ts'
import { bareInsert } from './bare-store.ts'

const USERS = 256

const log = pino({ level: 'silent' })
const config = readConfig(environment(process.argv[2]!), { serves: true })
const app = await createApp(config, 'serve', { log })
const tokens = await Promise.all(Array.from({ length: USERS }, (_, i) => app.trial!.issue(`bench-${i}`)))

const insert = await bareInsert(config.store)
let posts = 0

async function post(_user: string, draft: MoodDraft) {
  const [when, ordinal] = [Date.now(), ++posts]
  const id = objectId(when, 'bbbbbbbbbb', ordinal)
  const rest = { ordinal, when, deleted: null, version: 1, sync: initial(rkeyFor(when, id, 0), false, when) }
  const mood = { ...parseDraft(draft), id, user: `bench-${ordinal % USERS}`, ...rest }
  await insert(mood)
  return { mood, handle: null, isLeftOut: false }
}

const bare = await createHttp(
  {
    ...app,
    tokenTime: Date.now,
    moods: { post } as unknown as Moods,
    trial: { verify: () => Promise.resolve('u1'), issue: () => Promise.resolve('') },
    events: new Events(log),
    changes: new Wakeup(),
    health: () => Promise.resolve([]),
  },
  new AsyncDisposableStack(),
)
const address = await bare.listen({ host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ real: app.address, bare: address, tokens }))
// So that a profile of it is written.
process.once('SIGTERM', () => process.exit())
