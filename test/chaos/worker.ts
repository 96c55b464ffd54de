/**
 * A worker that dies by SIGKILL, now and then, exactly at a seam, any or the one that is named. It prints which before.
 *
 * node test/chaos/worker.ts SEED SHARE [SEAM]
 */

import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { randomFrom } from '../support/random.ts'

const [seed = '1', share = '0', only] = process.argv.slice(2)
const random = randomFrom(Number(seed))

await createApp(readConfig(process.env, { serves: false }), 'worker', {
  log: pino({ level: 'silent' }),
  seam: (name) => {
    if (only !== undefined && name !== only) return
    // Every pass begins with a claim, and few write: the others have to get their turn.
    if (random.next() >= Number(share) * (name === 'after-claim' ? 0.25 : 1)) return
    writeSync(1, `${name}\n`)
    process.kill(process.pid, 'SIGKILL')
  },
})
writeSync(1, 'ready\n')
