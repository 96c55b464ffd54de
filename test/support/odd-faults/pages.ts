/** Lists that never end. */

import type { Exchange, Fault } from '../odd-server.ts'
import { JSON_TYPE } from './said.ts'

const LISTS = ['com.atproto.sync.listRepos', 'com.atproto.repo.listRecords'] as const
/** Where this is off, records are read in pages. */
const WHOLE = 'com.atproto.sync.getRepo'
const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

type Page = Readonly<Record<string, unknown>>

function endless(
  name: string,
  page: (n: number, real: Page, exchange: Exchange) => Page,
  rest: Partial<Fault> = {},
): Fault {
  return {
    name,
    methods: [WHOLE, ...LISTS],
    ...rest,
    answer: async (exchange) => {
      if (exchange.method === WHOLE) return exchange.say(501, JSON_TYPE, { error: 'MethodNotImplemented' })
      const n = (exchange.memory.get(exchange.method) as number | undefined) ?? 0
      exchange.memory.set(exchange.method, n + 1)
      const answer = await exchange.real()
      if (answer.status !== 200) return exchange.pass(answer)
      exchange.say(200, JSON_TYPE, page(n, JSON.parse(answer.body.toString()) as Page, exchange))
    },
  }
}

function nothing({ method }: Exchange): Page {
  return method === LISTS[0] ? { repos: [] } : { records: [] }
}

/** A page of something that is nowhere. */
function invented(n: number, { method }: Exchange): Page {
  const did = `did:plc:${n
    .toString(32)
    .padStart(24, '2')
    .replaceAll(/[0189]/g, 'a')}`
  const uri = `at://${did}/computer.aesthetic.mood/3kmm22222222a`
  return method === LISTS[0]
    ? { repos: [{ did, head: CID, rev: '3kmm22222222a', active: true }] }
    : { records: [{ uri, cid: CID, value: { $type: 'computer.aesthetic.mood' } }] }
}

export const PAGES: readonly Fault[] = [
  endless('empty pages with one cursor', (_, __, exchange) => ({ ...nothing(exchange), cursor: '1' })),
  endless('empty pages with another cursor each time', (n, _, exchange) => ({
    ...nothing(exchange),
    cursor: String(n),
  })),
  endless('the same page with one cursor', (_, real) => ({ ...real, cursor: '1' })),
  endless('the same page with two cursors by turns', (n, real) => ({ ...real, cursor: String(n % 2) })),
  endless('the same page with another cursor each time', (n, real) => ({ ...real, cursor: String(n) })),
  endless('invented pages without an end', (n, _, exchange) => ({ ...invented(n, exchange), cursor: String(n) })),
  endless('a cursor that is no text', (n, real) => ({ ...real, cursor: n })),
  endless('a cursor of a megabyte', (n, real) => ({ ...real, cursor: String(n).padEnd(1_000_000, 'x') })),
  endless('an empty cursor', (_, real) => ({ ...real, cursor: '' })),
  endless('null for a cursor', (_, real) => ({ ...real, cursor: null })),
]
