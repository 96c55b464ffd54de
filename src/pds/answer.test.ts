/** Whose fault an answer is: the table, as the documents have it, and anything at all. */

import { readFileSync } from 'node:fs'
import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../domain/outcome.ts'
import { outcomeOf } from './answer.ts'
import { type About, KNOWN_ERRORS } from './known-errors.ts'
import { getRecord } from './methods.ts'

const NOW = Date.parse('2026-11-26T12:00:00Z')
const STATUSES = Array.from({ length: 400 }, (_, i) => 200 + i)

const DID = `did:plc:${'a'.repeat(24)}` as l.DidString
const params = { repo: DID, collection: 'a.b.c' as l.NsidString, rkey: '2222222222222' as l.RecordKeyString }

/** What a reading comes to when the host answers so. */
function outcomeFor(
  status: number,
  headers: Headers | Record<string, string>,
  body: string | null,
): Promise<Outcome<unknown>> {
  const isBare = status === 204 || status === 205 || status === 304
  const fetchHandler = () => Promise.resolve(new Response(isBare ? null : body, { status, headers }))
  return outcomeOf(
    () => xrpc({ did: undefined, fetchHandler }, getRecord, { params }),
    () => NOW,
  )
}

const JSON_TYPE = { 'content-type': 'application/json' }

function outcomeOfError(status: number, error: unknown, headers: Headers | Record<string, string> = JSON_TYPE) {
  return outcomeFor(status, headers, JSON.stringify({ error, message: 'why' }))
}

/** The outcome of each kind, by hand. */
const OUTCOMES: Readonly<Record<About, object>> = {
  request: { kind: 'rejected', message: 'why' },
  account: { kind: 'unauthorized', message: 'why' },
  token: { kind: 'unauthorized', message: 'why' },
  record: { kind: 'uncertain', answered: true },
  method: { kind: 'uncertain', answered: true },
}

describe('the table of errors', () => {
  const documented = readFileSync('docs/architecture.md', 'utf8').matchAll(
    /^\| `(\w+)` \| ([\d, ]+) \| the (\w+) \|$/gm,
  )
  const lines = [...documented].map(([, name, statuses, about]) => `${name} ${statuses} ${about}`)

  it('is the one in docs/architecture.md, line by line', () => {
    const known = Object.entries(KNOWN_ERRORS).map(
      ([name, { statuses, about }]) => `${name} ${statuses.join(', ')} ${about}`,
    )
    expect(lines).toEqual(known)
  })

  it.each(Object.entries(KNOWN_ERRORS))(
    '%s speaks of what it says with its statuses, and of the host with all others',
    async (name, { about, statuses }) => {
      for (const status of STATUSES.filter((each) => each >= 400 && each !== 429)) {
        const outcome = await outcomeOfError(status, name)
        if (statuses.includes(status)) expect(outcome).toMatchObject({ ...OUTCOMES[about], code: name })
        else
          expect(outcome).toMatchObject({
            kind: 'uncertain',
            code: `Status${status}`,
            answered: false,
            said: `${status} application/json, error ${name}`,
          })
      }
    },
  )

  it.each([
    'Unauthorized',
    'Forbidden',
    'NotFound',
    'Not Found',
    'Bad Request',
    'payment_required',
    'toString',
    '__proto__',
    '',
  ])('has no name that a gateway might use: %j', async (name) => {
    for (const status of [400, 401, 402, 403, 404, 407, 409, 418, 451, 500, 501, 503]) {
      expect(await outcomeOfError(status, name)).toMatchObject({ kind: 'uncertain', answered: false })
    }
  })
})

const aName = fc.oneof(
  fc.constantFrom(...Object.keys(KNOWN_ERRORS)),
  fc.string(),
  fc.constantFrom('Unauthorized', 'Forbidden'),
)
const aBody = fc.oneof(
  fc.constantFrom(
    '',
    '{',
    'null',
    '<!doctype html><title>Sign in</title>',
    '['.repeat(100_000),
    '{"a":'.repeat(50_000),
  ),
  fc.json(),
  fc.string(),
  fc.record({ error: fc.oneof(aName, fc.jsonValue()), message: fc.jsonValue() }).map((body) => JSON.stringify(body)),
)
const aType = fc.oneof(
  fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/html', 'text/plain', 'x', 'a/b/c', ''),
  fc.constant(null),
)
const aNumber = fc.oneof(
  fc.constantFrom(
    '0',
    '-1',
    'NaN',
    'Infinity',
    '1e400',
    '9'.repeat(400),
    '315360000',
    '1795690810000',
    ' 12 ',
    '0x10',
    '',
  ),
  fc.integer().map(String),
  fc.double().map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.string({ unit: 'grapheme-ascii' }),
)
const aHeader = fc.option(
  aNumber.filter((text) => /^[ -~]*$/.test(text)),
  { nil: null },
)
const aPolicy = fc.option(
  fc.oneof(
    fc.constantFrom('3000;w=300', '35000;w=86400', '30;w=300', '1;w=0', '1;w=999999999999', ';w='),
    aNumber.filter((text) => /^[ -~]*$/.test(text)),
  ),
  { nil: null },
)

function headersOf(entries: Readonly<Record<string, string | null>>): Headers {
  return new Headers(Object.entries(entries).filter((entry): entry is [string, string] => entry[1] !== null))
}

describe('an answer', () => {
  it('gives an outcome, whatever it is, and flags nothing without a name that is known', async () => {
    const property = fc.asyncProperty(
      fc.constantFrom(...STATUSES),
      aType,
      aBody,
      fc.tuple(aHeader, aHeader, aPolicy),
      async (status, type, body, [retryAfter, reset, policy]) => {
        const headers = headersOf({
          'content-type': type,
          'retry-after': retryAfter,
          'ratelimit-reset': reset,
          'ratelimit-policy': policy,
        })
        const outcome = await outcomeFor(status, headers, body)
        if (outcome.kind === 'rejected' || outcome.kind === 'unauthorized') {
          expect(KNOWN_ERRORS[outcome.code]?.statuses).toContain(status)
          expect(body).toContain(`"error":"${outcome.code}"`)
        }
        if (outcome.kind === 'uncertain' && !outcome.answered) {
          expect(outcome.said).toMatch(/^[ -~]{3,200}$/)
          expect(outcome.said).toContain(String(status))
        }
        if (status === 429) expect(outcome.kind).toBe('later')
        if (outcome.kind === 'later') {
          expect(status).toBe(429)
          expect(outcome.afterMs).toBeGreaterThanOrEqual(1000)
          expect(outcome.afterMs).toBeLessThanOrEqual(outcome.scope === 'host' ? 300_000 : 86_400_000)
        }
      },
    )
    await fc.assert(property, { numRuns: 1000 })
  })

  it.each<[string, Record<string, string>, number]>([
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['no time at all', { 'retry-after': '0' }, 1_000],
    ['a date', { 'retry-after': 'Thu, 26 Nov 2026 12:00:10 GMT' }, 10_000],
    ['a date that is over', { 'retry-after': 'Thu, 26 Nov 2026 11:00:00 GMT' }, 5_000],
    ['ten years', { 'retry-after': '315360000' }, 300_000],
    ['a date in ten years', { 'retry-after': 'Thu, 26 Nov 2036 12:00:00 GMT' }, 300_000],
    ['less than nothing', { 'retry-after': '-5' }, 5_000],
    ['no number', { 'retry-after': 'NaN' }, 5_000],
    ['nothing', {}, 5_000],
    ['seconds since 1970', { 'ratelimit-reset': String(NOW / 1000 + 20) }, 20_000],
    ['milliseconds since 1970', { 'ratelimit-reset': String(NOW + 20_000) }, 20_000],
    ['seconds left', { 'ratelimit-reset': '12' }, 12_000],
    ['a reset that is over', { 'ratelimit-reset': String(NOW / 1000 - 20) }, 5_000],
    ['two things, of which one is none', { 'retry-after': 'soon', 'ratelimit-reset': '12' }, 12_000],
    ['two things', { 'retry-after': '7', 'ratelimit-reset': '12' }, 7_000],
  ])('429 that asks to wait for %s', async (_what, headers, afterMs) => {
    expect(await outcomeFor(429, headers, '<p>slow down')).toEqual({ kind: 'later', afterMs, scope: 'account' })
  })

  it.each<[string, 'host' | 'account', number]>([
    ['3000;w=300', 'host', 300_000],
    ['30;w=300', 'account', 300_000],
    ['5000;w=3600', 'account', 3_600_000],
    ['35000;w=86400', 'account', 86_400_000],
    ['300;w=999999999', 'account', 86_400_000],
    ['300;w=0', 'account', 300_000],
    ['whatever', 'account', 300_000],
  ])('429 of the limit %s: of the %s, for %i ms at most', async (policy, scope, afterMs) => {
    const headers = { 'retry-after': '315360000', 'ratelimit-policy': policy }
    expect(await outcomeFor(429, headers, '')).toEqual({ kind: 'later', afterMs, scope })
  })

  it('is read as an error whatever content type it comes with', async () => {
    for (const type of ['text/plain', 'application/octet-stream', '']) {
      const outcome = await outcomeOfError(409, 'RecordAlreadyExists', type === '' ? {} : { 'content-type': type })
      expect(outcome).toEqual({ kind: 'uncertain', code: 'RecordAlreadyExists', answered: true })
    }
  })

  it('is no error of a PDS where it is a page, whatever stands in it', async () => {
    const outcome = await outcomeOfError(401, 'AccountTakedown', { 'content-type': 'text/html; charset=utf-8' })
    expect(outcome).toEqual({ kind: 'uncertain', code: 'Status401', answered: false, said: '401 text/html' })
  })

  it('that is cut off, or too late, is none, and tells nothing of what the host says', async () => {
    const cut = async (reason: Error): Promise<Outcome<unknown>> => {
      const body = new ReadableStream({ pull: (controller) => controller.error(reason) })
      const response = new Response(body, { status: 200, headers: JSON_TYPE })
      const fetchHandler = () => Promise.resolve(response)
      return outcomeOf(
        () => xrpc({ did: undefined, fetchHandler }, getRecord, { params }),
        () => NOW,
      )
    }
    const lost = Object.assign(new Error('closed'), { code: 'UND_ERR_SOCKET' })
    expect(await cut(new TypeError('terminated', { cause: lost }))).toEqual({
      kind: 'uncertain',
      code: 'UND_ERR_SOCKET',
      answered: false,
    })
    expect(await cut(new DOMException('late', 'TimeoutError'))).toEqual({
      kind: 'uncertain',
      code: 'TimeoutError',
      answered: false,
    })
    // By us.
    expect(await cut(new DOMException('over', 'AbortError'))).toEqual({
      kind: 'uncertain',
      code: 'AbortError',
      answered: true,
    })
  })
})
