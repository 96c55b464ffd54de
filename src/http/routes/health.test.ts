import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { errorHandler } from '../errors.ts'
import { Events } from '../../observe/events.ts'
import { createLog } from '../../observe/log.ts'
import type { Http } from '../deps.ts'
import { healthRoutes } from './health.ts'

describe('/readyz', () => {
  it('names the part that does not answer, since when, and nothing of what it said', async () => {
    let now = 1_800_000_000_000
    let isAway = true
    let isHealthKnown = false
    const check = async () => {
      if (isAway) throw new Error('mongodb://root:secret@db.example refused')
    }
    const health = async () => {
      if (!isHealthKnown) throw new Error('secret')
      return []
    }
    await using http = fastify() as unknown as Http
    http.setErrorHandler(errorHandler(new Events(createLog('silent'))))
    healthRoutes(http, { clock: { now: () => now }, store: { check }, embeddedPds: null, health })
    const ready = async (): Promise<Record<string, unknown>> => {
      const { statusCode, body } = await http.inject('/readyz')
      return { statusCode, ...(JSON.parse(body) as Record<string, unknown>) }
    }
    const message = 'not ready: the database does not answer, since 2027-01-15T08:00:00.000Z as far as is known here'
    expect(await ready()).toEqual({ statusCode: 503, error: 'unavailable', message })
    now += 90_000
    expect(await ready()).toMatchObject({ statusCode: 503, message })
    isAway = false
    expect(await ready()).toMatchObject({
      statusCode: 503,
      message: expect.stringContaining(
        'the database, asked what there is to know, does not answer, since 2027-01-15T08:01:30',
      ),
    })
    isHealthKnown = true
    expect(await ready()).toEqual({ statusCode: 200, status: 'ready', notices: [] })
    isAway = true
    expect((await ready())['message']).toContain('since 2027-01-15T08:01:30')
  })

  it('names an embedded PDS that does not answer', async () => {
    await using http = fastify() as unknown as Http
    http.setErrorHandler(errorHandler(new Events(createLog('silent'))))
    const embeddedPds = 'http://localhost:1'
    healthRoutes(http, {
      clock: { now: () => 0 },
      store: { check: async () => {} },
      embeddedPds,
      health: async () => [],
    })
    expect(JSON.parse((await http.inject('/readyz')).body)).toMatchObject({
      message: 'not ready: the embedded PDS does not answer, since 1970-01-01T00:00:00.000Z as far as is known here',
    })
  })
})
