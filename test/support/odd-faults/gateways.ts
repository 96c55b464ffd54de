/** A gateway refuses, in the many forms that gateways have. The PDS hears nothing of it. */

import type { Fault } from '../odd-server.ts'
import type { Random } from '../random.ts'
import { HTML_TYPE, JSON_TYPE, PAGE, says } from './said.ts'

const STATUSES = [
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 418, 421, 422, 423, 425, 426, 428, 431,
  444, 451, 499, 500, 501, 502, 503, 504, 505, 507, 511, 520, 521, 525, 530, 599, 600, 999,
] as const

type Form = readonly [headers: Record<string, string>, body: unknown]

/** Bodies, by name. None has the form of an XRPC error with a name that a PDS knows. */
const FORMS: Readonly<Record<string, Form>> = {
  'with a page': [HTML_TYPE, PAGE],
  'with nothing': [{}, ''],
  'with text': [{ 'content-type': 'text/plain' }, 'upstream connect error'],
  'with a message': [JSON_TYPE, { message: 'Forbidden' }],
  'with a nested error': [JSON_TYPE, { error: { code: 'AuthenticationRequired', message: 'no' } }],
  'with an error of its own': [JSON_TYPE, { error: 'access_denied', error_description: 'no api key' }],
  'with an error that looks like one': [JSON_TYPE, { error: 'PolicyViolation', message: 'blocked by rule 12' }],
  'with a problem': [{ 'content-type': 'application/problem+json' }, { type: 'about:blank', title: 'Blocked' }],
  'with an empty name': [JSON_TYPE, { error: '', message: 'no' }],
  'with a name that all objects have': [JSON_TYPE, { error: 'constructor', message: 'no' }],
  'with a list': [JSON_TYPE, [{ error: 'AccountTakedown' }]],
  'with a known name in a page': [HTML_TYPE, '{"error":"AccountTakedown","message":"in a page"}'],
}

function refusal(status: number, form: string): Fault {
  const [headers, body] = FORMS[form]!
  const asks: Record<string, string> =
    status === 401 ? { 'www-authenticate': 'Basic realm="x"' } : status === 407 ? { 'proxy-authenticate': 'Basic' } : {}
  return says(`${status} ${form}`, status, { ...headers, ...asks }, body)
}

/** Names that a PDS knows, with a status with which it never says them. */
const MISPLACED = [
  [502, 'RecordNotFound'],
  [503, 'InvalidSwap'],
  [403, 'RecordAlreadyExists'],
  [500, 'AccountTakedown'],
  [502, 'AuthenticationRequired'],
  [504, 'InvalidRequest'],
  [451, 'RepoNotFound'],
  [418, 'InvalidToken'],
  [500, 'HandleNotAvailable'],
] as const

const forms = Object.keys(FORMS)

export const GATEWAYS: readonly Fault[] = [
  ...STATUSES.map((status, i) => refusal(status, forms[i % forms.length]!)),
  // The ones that were once taken for words about an account, in each form.
  ...[401, 402, 403, 451].flatMap((status) => forms.map((form) => refusal(status, form))),
  ...MISPLACED.map(([status, error]) => {
    return says(`${status} with the name ${error}`, status, JSON_TYPE, { error, message: 'said by a gateway' })
  }),
  says('401 that looks like XRPC', 401, JSON_TYPE, { error: 'Unauthorized', message: 'no api key' }),
  {
    name: '102 without an end',
    answer: ({ socket, drip }) => drip(socket, () => 'HTTP/1.1 102 Processing\r\n\r\n', 5),
  },
  {
    name: '103, and then the answer',
    livedWith: true,
    answer: async ({ outgoing, real, pass }) => {
      outgoing.writeEarlyHints({ link: '</style.css>; rel=preload' })
      pass(await real())
    },
  },
  {
    name: '101 to another protocol',
    answer: ({ socket }) => end(socket, 'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n'),
  },
  { name: 'status 000', answer: ({ socket }) => end(socket, 'HTTP/1.1 000 Nothing\r\ncontent-length: 0\r\n\r\n') },
  { name: 'another protocol', answer: ({ socket }) => end(socket, 'SSH-2.0-OpenSSH_9.6\r\n') },
  { name: 'HTTP/0.9', answer: ({ socket }) => end(socket, '<html>ok</html>') },
]

function end(socket: { end: (text: string) => unknown }, text: string): void {
  socket.end(text)
}

export function anyRefusal(random: Random): Fault {
  return refusal(random.pick(STATUSES), random.pick(forms))
}
