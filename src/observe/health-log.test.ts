import { expect, it } from 'vitest'
import { recordedLog } from '../../test/support/events.ts'
import type { Notice } from '../domain/notice.ts'
import { Events } from './events.ts'
import { HealthLog } from './health-log.ts'

const noWorker: Notice = {
  code: 'no_worker',
  level: 'problem',
  since: 5,
  text: 'no worker is alive',
  detail: 'on host-1',
  remedy: 'Start one.',
}
const off: Notice = { ...noWorker, code: 'federation_off', level: 'warning', text: 'federation is off' }

/** What the log says of each reading. */
async function logOf(readings: readonly (readonly Notice[] | Error)[]): Promise<string[][]> {
  const { log, take } = recordedLog()
  let reading: readonly Notice[] | Error = []
  const read = () => (reading instanceof Error ? Promise.reject(reading) : Promise.resolve(reading))
  const health = new HealthLog(read, new Events(log))
  const said: string[][] = []
  for (reading of readings) {
    await health.look()
    said.push(take().map(({ level, msg }) => `${String(level)} ${msg}`))
  }
  return said
}

it('what is the case is logged once, at its level, until it is over, which is logged too', async () => {
  const [problem, warning] = ['50 no worker is alive', '40 federation is off']
  expect(await logOf([[], [noWorker], [noWorker], [noWorker, off], [off], [], [noWorker]])).toEqual([
    [],
    [problem],
    [],
    [warning],
    ['30 over: no_worker'],
    ['30 over: federation_off'],
    [problem],
  ])
})

it('what becomes more urgent or begins again is logged again, and that its words change with time is not', async () => {
  const warning: Notice = { ...noWorker, level: 'warning' }
  const older: Notice = { ...warning, text: 'no worker is alive, for longer' }
  expect(await logOf([[warning], [older], [noWorker], [{ ...noWorker, since: 6 }]])).toEqual([
    ['40 no worker is alive'],
    [],
    ['50 no worker is alive'],
    ['50 no worker is alive'],
  ])
})

it('a store that cannot be read is logged once, and what was the case before is not logged again afterwards', async () => {
  const away = new Error('away')
  const unknown = '40 health cannot be read'
  expect(await logOf([[off], away, away, [off], away])).toEqual([
    ['40 federation is off'],
    [unknown],
    [],
    [],
    [unknown],
  ])
})
