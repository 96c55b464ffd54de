/** The answer says that it is somewhere else. Nothing may ever be sent there, least of all a password. */

import type { Exchange, Fault } from '../odd-server.ts'
import type { Random } from '../random.ts'

const STATUSES = [301, 302, 303, 307, 308] as const

/** Where to, by name. */
const TARGETS: Readonly<Record<string, (exchange: Exchange) => string | null>> = {
  'to another origin': ({ elsewhere, incoming }) => `${elsewhere}${incoming.url}`,
  'to another path of another origin': ({ elsewhere }) => `${elsewhere}/login`,
  'to another origin without a scheme': ({ elsewhere, incoming }) => `${elsewhere.slice(5)}${incoming.url}`,
  'to another origin with a password': ({ elsewhere }) => elsewhere.replace('//', '//user:secret@'),
  'to itself': ({ here, incoming }) => `${here}${incoming.url}`,
  'to a longer path each time': ({ incoming }) => `${incoming.url}${incoming.url?.includes('?') ? '&' : '?'}again=1`,
  'to a relative path': () => '../login?next=/',
  'to a file': () => 'file:///etc/passwd',
  'to data': () => 'data:application/json,{}',
  'to a script': () => 'javascript:alert(1)',
  'to nothing that is a URL': () => 'http://[',
  'to an empty place': () => '',
  'to nowhere': () => null,
}

function redirect(status: number, where: string): Fault {
  return {
    name: `${status} ${where}`,
    answer: (exchange) => {
      const location = TARGETS[where]!(exchange)
      exchange.say(status, location === null ? {} : { location }, '')
    },
  }
}

export const REDIRECTS: readonly Fault[] = [
  ...Object.keys(TARGETS).flatMap((where, i) => [
    redirect(STATUSES[i % STATUSES.length]!, where),
    redirect(STATUSES[(i + 3) % STATUSES.length]!, where),
  ]),
  redirect(300, 'to another origin'),
  redirect(304, 'to nowhere'),
  redirect(305, 'to another origin'),
]

export function anyRedirect(random: Random): Fault {
  return redirect(random.pick([...STATUSES, 300, 306, 309]), random.pick(Object.keys(TARGETS)))
}
