/** A PDS of another make, or a cache before it: methods that are off, and other words for "nothing there" and "there already". */

import type { Exchange, Fault, RawAnswer } from '../odd-server.ts'
import { JSON_TYPE, says } from './said.ts'

const READS = ['com.atproto.repo.getRecord']
const WRITES = ['com.atproto.repo.putRecord', 'com.atproto.repo.applyWrites']

function isOf({ body }: RawAnswer, name: string): boolean {
  return body.toString().includes(`"error":"${name}"`)
}

function said(status: number, body: unknown, headers: Record<string, string> = JSON_TYPE): RawAnswer {
  return { status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }
}

/** Where the PDS answers with an error of this name, another answer. */
function instead(name: string, methods: readonly string[], error: string, answer: RawAnswer): Fault {
  return {
    name,
    methods,
    livedWith: true,
    answer: async ({ real, pass }) => {
      const given = await real()
      pass(isOf(given, error) ? answer : given)
    },
  }
}

/** A method that this PDS does not have. */
function off(method: string, status: number, body: unknown, livedWith: boolean): Fault {
  return {
    ...says(`${method.split('.').at(-1)} is off: ${status}`, status, JSON_TYPE, body),
    methods: [method],
    livedWith,
  }
}

const NOT_IMPLEMENTED = { error: 'MethodNotImplemented', message: 'Method Not Implemented' }
const COULD_NOT = { error: 'InvalidRequest', message: 'Could not locate record' }

/** As a cache does it: what was answered first is answered ever after. */
async function asBefore({ incoming, memory, real, pass }: Exchange): Promise<void> {
  const key = `answer ${incoming.url}`
  const known = (memory.get(key) as RawAnswer | undefined) ?? (await real())
  memory.set(key, known)
  pass(known)
}

export const WAYS: readonly Fault[] = [
  off('com.atproto.sync.getRepo', 501, NOT_IMPLEMENTED, true),
  off('com.atproto.sync.getRepo', 404, { error: 'XRPCNotSupported', message: 'XRPCNotSupported' }, true),
  off('com.atproto.sync.getRepo', 405, '', true),
  off('com.atproto.sync.getRepo', 403, { message: 'Forbidden' }, true),
  off('com.atproto.sync.getBlocks', 501, NOT_IMPLEMENTED, true),
  off('com.atproto.sync.getRecord', 501, NOT_IMPLEMENTED, true),
  off('com.atproto.repo.listRecords', 501, NOT_IMPLEMENTED, true),
  off('com.atproto.sync.listRepos', 501, NOT_IMPLEMENTED, true),
  off('com.atproto.sync.getLatestCommit', 501, NOT_IMPLEMENTED, true),
  off('com.atproto.repo.applyWrites', 501, NOT_IMPLEMENTED, false),
  off('com.atproto.sync.getRepoStatus', 501, NOT_IMPLEMENTED, false),
  off('com.atproto.admin.deleteAccount', 501, NOT_IMPLEMENTED, false),
  instead('absent, the old way', READS, 'RecordNotFound', said(400, COULD_NOT)),
  instead(
    'absent, the old way, in other letters',
    READS,
    'RecordNotFound',
    said(400, { ...COULD_NOT, message: 'could not locate record: x' }),
  ),
  instead('absent, bare', READS, 'RecordNotFound', said(404, '', {})),
  instead('absent, with status 404', READS, 'RecordNotFound', said(404, { error: 'RecordNotFound', message: 'no' })),
  says(
    'all records are absent',
    400,
    JSON_TYPE,
    { error: 'RecordNotFound', message: 'Could not locate record' },
    { methods: READS },
  ),
  says('all records are absent, the old way', 400, JSON_TYPE, COULD_NOT, { methods: READS }),
  says('all records are absent, bare', 404, {}, '', { methods: READS }),
  instead('exists already, 409', WRITES, 'InvalidSwap', said(409, { error: 'RecordAlreadyExists', message: 'there' })),
  instead('exists already, 400', WRITES, 'InvalidSwap', said(400, { error: 'RecordAlreadyExists', message: 'there' })),
  says('everything exists already, 409', 409, JSON_TYPE, { error: 'RecordAlreadyExists' }, { methods: WRITES }),
  says('everything exists already, 400', 400, JSON_TYPE, { error: 'RecordAlreadyExists' }, { methods: WRITES }),
  says(
    'every write was swapped',
    400,
    JSON_TYPE,
    { error: 'InvalidSwap', message: 'Record was at x' },
    { methods: WRITES },
  ),
  says('every write fails inside', 500, JSON_TYPE, { error: 'InternalServerError', message: 'x' }, { methods: WRITES }),
  {
    name: 'records come from a cache',
    methods: READS,
    answer: asBefore,
  },
  {
    name: 'everything that is read comes from a cache',
    answer: (exchange) =>
      exchange.incoming.method === 'GET' ? asBefore(exchange) : exchange.real().then(exchange.pass),
  },
]
