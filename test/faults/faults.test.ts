import { expect, it } from 'vitest'
import { FAULTS } from '../support/proxy.ts'
import { runFaults } from './run.ts'

// `npm run faults` does the same with more moods, and in real time.
it('500 moods of 20 users survive faults of every kind: none lost, none twice, none leaked', async () => {
  const say = (line: string): void => console.log(line)
  const result = await runFaults({ moods: 500, users: 20, seed: 20261, rate: 0.3, pace: 2, halfAfterS: 4, say })
  console.log('faults:', JSON.stringify(result.hits), 'moods:', JSON.stringify(result.states))
  expect(result.differences).toEqual([])
  for (const fault of FAULTS) expect(result.hits[fault], fault).toBeGreaterThan(0)
}, 600_000)
