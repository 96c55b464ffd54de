/** "Too many requests", in every spelling of how long to wait. */

import type { Fault } from '../odd-server.ts'
import type { Random } from '../random.ts'
import { HTML_TYPE, JSON_TYPE, PAGE, says } from './said.ts'

/** What asks for longer than a limit of requests can last is waited for as long as that: five minutes. */
const WITHIN = 7
/** A limit that names a window of its own is waited for a day at most. */
const WITHIN_A_DAY = 25 * 60
const XRPC = { error: 'RateLimitExceeded', message: 'Rate Limit Exceeded' }

type Headers = Readonly<Record<string, string>>

function httpDate(inMs: number): string {
  return new Date(Date.now() + inMs).toUTCString()
}

const A_YEAR = 'by the policy of a year'

/** Headers, by name. */
const WAITS: Readonly<Record<string, () => Headers>> = {
  'for 3 seconds': () => ({ 'retry-after': '3' }),
  'until a date': () => ({ 'retry-after': httpDate(10_000) }),
  'until a date that has passed': () => ({ 'retry-after': httpDate(-3_600_000) }),
  'until a date in ten years': () => ({ 'retry-after': httpDate(3_650 * 86_400_000) }),
  'for ten years': () => ({ 'retry-after': '315360000' }),
  'for a number without an end': () => ({ 'retry-after': '9'.repeat(400) }),
  'for less than nothing': () => ({ 'retry-after': '-5' }),
  'for no number': () => ({ 'retry-after': 'NaN' }),
  'for infinity': () => ({ 'retry-after': 'Infinity' }),
  'for a hexadecimal number': () => ({ 'retry-after': '0xffffffff' }),
  'for parts of a second': () => ({ 'retry-after': '0.25' }),
  'for an empty time': () => ({ 'retry-after': '' }),
  'for a word': () => ({ 'retry-after': 'soon' }),
  'for two times': () => ({ 'retry-after': '3, 315360000' }),
  'until a second since 1970': () => ({ 'ratelimit-reset': String(Math.ceil(Date.now() / 1_000) + 9) }),
  'until a millisecond since 1970': () => ({ 'ratelimit-reset': String(Date.now() + 9_000) }),
  'until a microsecond since 1970': () => ({ 'ratelimit-reset': String((Date.now() + 9_000) * 1_000) }),
  'with 12 seconds left': () => ({ 'ratelimit-reset': '12' }),
  'with less than nothing left': () => ({ 'ratelimit-reset': '-12' }),
  'until no number': () => ({ 'ratelimit-reset': 'NaN' }),
  'until a time of day': () => ({ 'ratelimit-reset': new Date(Date.now() + 9_000).toISOString() }),
  'until two times': () => ({ 'retry-after': '1', 'ratelimit-reset': '99999999999' }),
  'by the policy of a host': () => ({ 'ratelimit-policy': '3000;w=300', 'retry-after': '315360000' }),
  [A_YEAR]: () => ({ 'ratelimit-policy': '1;w=31536000', 'retry-after': '31536000' }),
  'by a policy that is none': () => ({ 'ratelimit-policy': ';;w=x', 'ratelimit-remaining': 'none' }),
  'without saying how long': () => ({}),
}

/** The ones that may be taken for a very long time. */
const LONG: ReadonlySet<string> = new Set([
  'until a date in ten years',
  'for ten years',
  'for a number without an end',
  'for infinity',
  'for a hexadecimal number',
  'until a microsecond since 1970',
  'by the policy of a host',
])

/** Bodies, by name. */
const FORMS = {
  'as XRPC': [JSON_TYPE, XRPC],
  'with a page': [HTML_TYPE, PAGE],
  'with nothing': [{}, ''],
  'with another name': [JSON_TYPE, { error: 'AccountTakedown', message: 'slow down' }],
} as const

function limit(status: number, wait: string, form: keyof typeof FORMS): Fault {
  const [type, body] = FORMS[form]
  return {
    name: `${status} ${wait} ${form}`,
    ...(wait === A_YEAR ? { withinMinutes: WITHIN_A_DAY } : LONG.has(wait) ? { withinMinutes: WITHIN } : {}),
    answer: ({ say }) => say(status, { ...type, ...WAITS[wait]!() }, body),
  }
}

const waits = Object.keys(WAITS)
const forms = Object.keys(FORMS) as (keyof typeof FORMS)[]

export const LIMITS: readonly Fault[] = [
  ...waits.map((wait, i) => limit(429, wait, forms[i % forms.length]!)),
  limit(503, 'for ten years', 'with a page'),
  limit(503, 'for 3 seconds', 'as XRPC'),
  says('420 of a gateway that limits', 420, { ...JSON_TYPE, 'retry-after': '315360000' }, XRPC),
  {
    name: 'the answer, and that the limit is used up',
    livedWith: true,
    answer: async ({ real, pass }) => {
      const answer = await real()
      const headers = { 'ratelimit-limit': '3000', 'ratelimit-remaining': '0', 'ratelimit-reset': '99999999999' }
      pass({ ...answer, headers: { ...answer.headers, ...headers, 'retry-after': '315360000' } })
    },
  },
]

export function anyLimit(random: Random): Fault {
  const [header, value] = random.pick([
    ['retry-after', String((random.next() - 0.2) * 10 ** random.below(20))],
    ['ratelimit-reset', String(Math.round((random.next() - 0.2) * 10 ** random.below(20)))],
    ['retry-after', httpDate((random.next() - 0.3) * 10 ** random.below(15))],
  ] as const)
  const [type, body] = FORMS[random.pick(forms)]
  return { ...says(`429 ${header} ${value}`, 429, { ...type, [header]: value }, body), withinMinutes: WITHIN }
}
