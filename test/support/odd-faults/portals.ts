/** Whatever is asked, the answer is a success, and not one of the PDS. */

import type { Exchange, Fault, RawAnswer } from '../odd-server.ts'
import type { Random } from '../random.ts'
import { HTML_TYPE, JSON_TYPE, PAGE, says } from './said.ts'

const NESTED = 100_000

/** Answers as the PDS does, after something has been done to it. The PDS has carried out what was asked. */
function garbled(name: string, garble: (body: Buffer, exchange: Exchange) => Partial<RawAnswer>): Fault {
  return {
    name,
    answer: async (exchange) => {
      const answer = await exchange.real()
      exchange.pass({ ...answer, ...garble(answer.body, exchange) })
    },
  }
}

/** Fields of the methods that we know, each of another type than it should have. */
const WRONG_TYPES = {
  uri: 7,
  cid: null,
  did: ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'],
  value: 'text',
  records: {},
  repos: 'none',
  cursor: 1,
  accessJwt: 1,
  refreshJwt: true,
  handle: {},
  code: 12,
  active: 'yes',
  rev: 3,
  availableUserDomains: '.test',
}

export const PORTALS: readonly Fault[] = [
  says('a portal answers with JSON', 200, JSON_TYPE, { status: 'login required' }),
  says('a portal answers with a page', 200, HTML_TYPE, PAGE),
  says('a page that calls itself JSON', 200, JSON_TYPE, PAGE),
  says('an empty 200', 200, {}),
  says('an empty 200 that calls itself JSON', 200, JSON_TYPE),
  says('an empty 204', 204, {}),
  says('an empty 205', 205, {}),
  says('accepted, and not done', 202, JSON_TYPE, { status: 'queued' }),
  says('a part of something', 206, { ...JSON_TYPE, 'content-range': 'bytes 0-1/400' }, '{}'),
  says('plain text', 200, { 'content-type': 'text/plain' }, 'OK'),
  says('bytes of no kind', 200, { 'content-type': 'application/octet-stream' }, Buffer.alloc(64, 0xff)),
  says('XML', 200, { 'content-type': 'application/xml' }, '<?xml version="1.0"?><ok/>'),
  says('an empty object', 200, JSON_TYPE, {}),
  says('a list', 200, JSON_TYPE, []),
  says('null', 200, JSON_TYPE, 'null'),
  says('a number', 200, JSON_TYPE, '1'),
  says('a JSON text', 200, JSON_TYPE, '"ok"'),
  says('an error with status 200', 200, JSON_TYPE, { error: 'RecordNotFound', message: 'Could not locate record' }),
  says('a login error with status 200', 200, JSON_TYPE, { error: 'AuthenticationRequired', message: 'no' }),
  says('every field of another type', 200, JSON_TYPE, WRONG_TYPES),
  says('fields of all objects', 200, JSON_TYPE, '{"__proto__":{"uri":"at://x"},"constructor":1,"toString":null}'),
  says('deeply nested lists', 200, JSON_TYPE, '['.repeat(NESTED)),
  says('deeply nested objects', 200, JSON_TYPE, `${'{"a":'.repeat(NESTED)}1${'}'.repeat(NESTED)}`),
  says('JSON of ten megabytes', 200, JSON_TYPE, JSON.stringify({ padding: 'x'.repeat(10_000_000) })),
  says(
    'JSON in another charset',
    200,
    { 'content-type': 'application/json; charset=utf-16le' },
    utf16({ status: 'in' }),
  ),
  says('JSON of a portal behind a byte order mark', 200, JSON_TYPE, `\uFEFF{"status":"in"}`),
  says('bytes that are no UTF-8', 200, JSON_TYPE, Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])),
  garbled('the answer is cut short', (body) => ({ body: body.subarray(0, body.length >> 1) })),
  garbled('the answer is not JSON by its type', (body) => ({ headers: HTML_TYPE, body })),
  garbled('the answer has no type', (body) => ({ headers: {}, body })),
  garbled('the answer comes in another charset', (body) => ({
    headers: { 'content-type': 'application/json; charset=utf-16le' },
    body: Buffer.from(body.toString(), 'utf16le'),
  })),
  garbled('the answer comes with text before it', (body) => ({ body: Buffer.concat([Buffer.from(")]}',\n"), body]) })),
  garbled('the answer comes with text after it', (body) => ({
    body: Buffer.concat([body, Buffer.from('\n<!-- 3 ms -->')]),
  })),
  garbled('the answer comes in a list', (body) => ({
    body: Buffer.concat([Buffer.from('['), body, Buffer.from(']')]),
  })),
  garbled('the answer comes as text within JSON', (body) => ({ body: Buffer.from(JSON.stringify(body.toString())) })),
  garbled('every key stands there twice', (body) => ({ body: twice(body) })),
  garbled('the answer lacks what it is about', (_, { method }) => ({ body: Buffer.from(`{"method":"${method}"}`) })),
]

function utf16(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf16le')
}

/** The keys of an object once more, with values of another kind. */
function twice(body: Buffer): Buffer {
  const text = body.toString()
  if (!text.startsWith('{') || text === '{}') return Buffer.from('{"ok":true,"ok":false}')
  const keys = Object.keys(JSON.parse(text) as object).map((key) => `${JSON.stringify(key)}:[]`)
  return Buffer.from(`${text.slice(0, -1)},${keys.join(',')}}`)
}

const TYPES = [
  'application/json',
  'text/html',
  'text/plain',
  'application/vnd.ipld.car',
  'image/gif',
  'application/x',
  '',
]
const WORDS = ['ok', 'status', 'uri', 'cid', 'did', 'error', 'message', 'data', 'result', 'records', 'cursor', 'handle']

function someJson(random: Random, depth: number): unknown {
  const kind = random.below(depth > 0 ? 7 : 5)
  if (kind < 5) return [null, random.next() < 0.5, random.below(1000), random.pick(WORDS), ''][kind]
  const items = Array.from(
    { length: random.below(5) },
    () => [random.pick(WORDS), someJson(random, depth - 1)] as const,
  )
  return kind === 5 ? items.map(([, item]) => item) : Object.fromEntries(items)
}

/** A success of some other server. */
export function anyPortal(random: Random): Fault {
  const status = random.pick([200, 200, 200, 201, 202, 203, 206, 207, 226, 299])
  const type = random.pick(TYPES)
  const body = random.next() < 0.7 ? JSON.stringify(someJson(random, 3)) : PAGE.slice(0, random.below(PAGE.length))
  return says(
    `a portal: ${status} ${type} ${body.slice(0, 60)}`,
    status,
    type === '' ? {} : { 'content-type': type },
    body,
  )
}
