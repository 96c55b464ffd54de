import { expect, it } from 'vitest'
import { FAULTS } from '../support/proxy.ts'
import { runFaults } from './run.ts'

it('2,000 moods of 50 users survive faults of every kind: none lost, none twice, none leaked', async () => {
  const say = (line: string): void => console.log(line)
  const result = await runFaults({ moods: 2000, users: 50, seed: 20261, rate: 0.2, say })
  console.log('faults:', JSON.stringify(result.hits), 'moods:', JSON.stringify(result.states))
  expect(result.differences).toEqual([])
  for (const fault of FAULTS) expect(result.hits[fault], fault).toBeGreaterThan(0)
}, 600_000)
