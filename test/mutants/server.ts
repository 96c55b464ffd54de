/** Bugs of what is believed of a server's answers, and of what it can make us do: each trusts one answer, or one number, too much. */

import type { Mutant } from './mutant.ts'

const ANSWER = ['src/pds/answer.test.ts']
const TRANSPORT = ['src/pds/transport.test.ts']
const TOKENS = ['src/pds/tokens.test.ts']

export const OF_SERVERS: readonly Mutant[] = [
  {
    bug: 'server: an erasure believes at once that an account has moved',
    file: 'src/domain/erasure.ts',
    find: 'now - trouble.at >= MOVE_BELIEVED_MS',
    replace: 'now >= trouble.at',
    tests: ['src/domain/erasure.test.ts'],
  },
  {
    bug: 'server: a gateway that finds nothing speaks for the directory',
    file: 'src/pds/identity.ts',
    find: "typeof message === 'string' && message.includes(did)",
    replace: "typeof message === 'string'",
    tests: ['src/pds/identity.test.ts'],
  },
  {
    bug: 'server: a refusal by a gateway speaks of the account',
    file: 'src/pds/answer.ts',
    find: '    case null:\n',
    replace:
      "    case null:\n      if (status === 401 || status === 403) return { kind: 'unauthorized', code: name, message }\n",
    tests: ANSWER,
  },
  {
    bug: 'server: a name counts with any status',
    file: 'src/pds/known-errors.ts',
    find: 'return known?.statuses.includes(status) ? known.about : null',
    replace: 'return known?.about ?? null',
    tests: ANSWER,
  },
  {
    bug: 'server: a record that exists already refuses the mood',
    file: 'src/pds/known-errors.ts',
    find: 'RecordAlreadyExists: record(400, 409)',
    replace: 'RecordAlreadyExists: request(400, 409)',
    tests: ANSWER,
  },
  {
    bug: 'server: a redirect is followed',
    file: 'src/pds/transport.ts',
    find: "redirect: 'manual'",
    replace: "redirect: 'follow'",
    tests: TRANSPORT,
  },
  {
    bug: 'server: a body has no end',
    file: 'src/pds/transport.ts',
    find: 'if (left < 0) controller.error(tooLong(maxBytes))\n      else if',
    replace: 'if',
    tests: TRANSPORT,
  },
  {
    bug: 'server: headers may take for ever',
    file: 'src/pds/transport.ts',
    find: "const waiting = setTimeout(() => late.abort(new DOMException('no answer in time', 'TimeoutError')), headersMs)",
    replace: 'const waiting = setTimeout(() => {}, headersMs)',
    tests: TRANSPORT,
  },
  {
    bug: 'server: a 429 is waited for as long as it says',
    file: 'src/pds/asked-to-wait.ts',
    find: 'Math.max(LEAST_MS, Math.min(asked, longest))',
    replace: 'Math.max(LEAST_MS, asked)',
    tests: ANSWER,
  },
  {
    bug: 'server: milliseconds since 1970 are taken for seconds',
    file: 'src/pds/asked-to-wait.ts',
    find: '  if (number >= EPOCH_MS) return number - now\n',
    replace: '',
    tests: ANSWER,
  },
  {
    bug: 'server: a time until which a host asked to wait is kept however far away it is',
    file: 'src/domain/furthest.ts',
    find: 'return time > now + furthest',
    replace: 'return time > now + furthest * 1e6',
    tests: ['src/domain/furthest.test.ts', 'src/domain/budget.test.ts'],
  },
  {
    bug: 'server: a write is believed whatever record its answer is about',
    file: 'src/pds/repo/repo-writer.ts',
    find: "if (result['uri'] !== uriOf(repo, write.rkey, collection) || result['cid'] !== write.cid) throw another()",
    replace: '',
    tests: ['test/integration/write-answers.test.ts'],
  },
  {
    bug: 'server: a batch is believed though it tells of another number of writes',
    file: 'src/pds/repo/repo-writer.ts',
    find: '  if (results.length !== writes.length) throw another()\n  for (const [i, write] of writes.entries()) requireOurs(target, write, results[i]!)\n',
    replace: '  for (const [i, result] of results.entries()) requireOurs(target, writes[i]!, result)\n',
    tests: ['test/integration/write-answers.test.ts'],
  },
  {
    bug: 'server: the tokens of another account are taken',
    file: 'src/pds/tokens.ts',
    find: "  if (asked.did !== null && answer.did !== asked.did) return 'the DID of another account'\n",
    replace: '',
    tests: TOKENS,
  },
  {
    bug: 'server: the bypass key goes to whatever host',
    file: 'src/pds/xrpc.ts',
    find: 'if (bypass === null || URL.parse(bypass.pds)?.origin !== URL.parse(url)?.origin) return {}',
    replace: 'if (bypass === null) return {}',
    tests: ['test/integration/outcome.test.ts'],
  },
  {
    bug: 'server: an account counts as deleted because the answer says so',
    file: 'src/pds/host.ts',
    find: "if (condition.value === 'gone') return ok(undefined)",
    replace: "if (condition.value === 'gone' || ordered.kind === 'ok') return ok(undefined)",
    tests: ['test/integration/odd-servers.test.ts'],
  },
  {
    bug: 'server: an account that has moved is written to where it was',
    file: 'src/sync/pass.ts',
    find: "return place.kind === 'elsewhere' ? { kind: 'unauthorized'",
    replace: "return place.kind === 'unknown' ? { kind: 'unauthorized'",
    tests: ['test/integration/moved.test.ts'],
  },
]
