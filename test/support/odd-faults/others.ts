/** Answers of the right form that speak of something else, or of something that has not happened. */

import type { Exchange, Fault, RawAnswer } from '../odd-server.ts'
import { HTML_TYPE, JSON_TYPE, says } from './said.ts'

/** A valid DID and CID of nobody and nothing. */
const DID = `did:plc:${'z'.repeat(24)}`
const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const KEY = '3kmm22222222a'
const COLLECTION = 'computer.aesthetic.mood'
const WRITES = ['com.atproto.repo.putRecord']
const READS = ['com.atproto.repo.getRecord']
const DELETION = ['com.atproto.admin.deleteAccount']
const LOGINS = ['com.atproto.server.createSession', 'com.atproto.server.refreshSession']

type Fields = Readonly<Record<string, unknown>>

/** The PDS does it, and its answer is changed. */
function changed(
  name: string,
  methods: readonly string[],
  change: (fields: Fields, exchange: Exchange) => Fields,
): Fault {
  return {
    name,
    methods,
    answer: async (exchange) => {
      const answer = await exchange.real()
      exchange.pass(answer.status === 200 ? withFields(answer, (fields) => change(fields, exchange)) : answer)
    },
  }
}

/** The PDS hears nothing, and the answer says that it has done it. */
function claimed(name: string, methods: readonly string[], claim: (asked: Fields) => Fields): Fault {
  return {
    name,
    methods,
    answer: ({ say, body }) =>
      say(200, JSON_TYPE, claim(body.length > 0 ? (JSON.parse(body.toString()) as Fields) : {})),
  }
}

function withFields(answer: RawAnswer, change: (fields: Fields) => Fields): RawAnswer {
  const fields = JSON.parse(answer.body.toString() || '{}') as Fields
  return { ...answer, headers: JSON_TYPE, body: Buffer.from(JSON.stringify(change(fields))) }
}

function uriOf({ repo, rkey }: Fields): string {
  return `at://${String(repo)}/${COLLECTION}/${String(rkey)}`
}

/** A token whose contents nobody has signed. */
function tokenOf(did: string, exp: unknown = 4_102_444_800): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'HS256', typ: 'at+jwt' })}.${part({ sub: did, exp })}.${'a'.repeat(43)}`
}

const SESSION = { accessJwt: tokenOf(DID), refreshJwt: tokenOf(DID), handle: 'nobody.test', did: DID }

export const OTHERS: readonly Fault[] = [
  claimed('a write of another record', WRITES, () => ({ uri: `at://${DID}/${COLLECTION}/${KEY}`, cid: CID })),
  claimed('a write with another key', WRITES, ({ repo }) => ({ uri: uriOf({ repo, rkey: KEY }), cid: CID })),
  claimed('a write of another repo', WRITES, ({ rkey }) => ({ uri: uriOf({ repo: DID, rkey }), cid: CID })),
  claimed('a write of another collection', WRITES, (asked) => ({
    uri: uriOf(asked).replace('mood', 'news'),
    cid: CID,
  })),
  claimed('a write with another CID', WRITES, (asked) => ({ uri: uriOf(asked), cid: CID })),
  claimed('a write with a CID that is none', WRITES, (asked) => ({ uri: uriOf(asked), cid: 'bafyreibogus' })),
  claimed('a write without a CID', WRITES, (asked) => ({ uri: uriOf(asked) })),
  claimed('a write of a URI that is none', WRITES, () => ({ uri: 'https://example.com/', cid: CID })),
  claimed('a batch that tells of nothing', ['com.atproto.repo.applyWrites'], () => ({ done: true })),
  claimed('a batch of no results', ['com.atproto.repo.applyWrites'], () => ({ results: [] })),
  claimed('a deletion that tells of nothing', ['com.atproto.repo.deleteRecord'], () => ({ deleted: 1 })),
  changed('the write is of another URI', WRITES, (fields) => ({ ...fields, uri: `at://${DID}/${COLLECTION}/${KEY}` })),
  changed('the write has another CID', WRITES, (fields) => ({ ...fields, cid: CID })),
  changed('a record of another URI', READS, (fields) => ({ ...fields, uri: `at://${DID}/${COLLECTION}/${KEY}` })),
  changed('a record of another repo', READS, (fields) => {
    return { ...fields, uri: String(fields['uri']).replace(/did:plc:\w+/, DID) }
  }),
  changed('a record with another CID', READS, (fields) => ({ ...fields, cid: CID })),
  changed('a record without a CID', READS, ({ uri, value }) => ({ uri, value })),
  changed('a record with another content', READS, (fields) => ({
    ...fields,
    value: { $type: COLLECTION, text: 'other' },
  })),
  changed('a record without a content', READS, ({ uri, cid }) => ({ uri, cid })),
  changed('a session of another account', LOGINS, (fields) => ({ ...fields, did: DID })),
  changed('a session without tokens', LOGINS, ({ did }) => ({ did })),
  changed('a session with tokens that are none', LOGINS, (fields) => ({ ...fields, accessJwt: 'x', refreshJwt: 'y' })),
  changed('a session with empty tokens', LOGINS, (fields) => ({ ...fields, accessJwt: '', refreshJwt: '' })),
  ...['"soon"', '-1', '0', '1e30', 'null', '{}', '[4102444800]'].map((exp) =>
    changed(`a session whose token ends at ${exp}`, LOGINS, (fields) => ({
      ...fields,
      accessJwt: tokenOf(String(fields['did']), JSON.parse(exp)),
    })),
  ),
  {
    ...changed('a session with the handle in other letters', LOGINS, (fields) => ({
      ...fields,
      handle: String(fields['handle']).toUpperCase(),
    })),
    livedWith: true,
  },
  ...['AuthMissing', 'ExpiredToken', 'InvalidToken'].map((error) => {
    return says(
      `a login without a token: ${error}`,
      401,
      JSON_TYPE,
      { error, message: 'x' },
      { methods: ['com.atproto.server.createSession'] },
    )
  }),
  claimed('a session of nobody', LOGINS, () => SESSION),
  claimed('an account of nobody', ['com.atproto.server.createAccount'], () => SESSION),
  claimed('an account without a name', ['com.atproto.server.createAccount'], () => ({ ...SESSION, did: '' })),
  changed('an account of another DID', ['com.atproto.server.createAccount'], (fields) => ({ ...fields, did: DID })),
  claimed('an invite code that is none', ['com.atproto.server.createInviteCode'], () => ({ code: '' })),
  claimed('an invite code of elsewhere', ['com.atproto.server.createInviteCode'], () => ({ code: 'elsewhere-1-2-3' })),
  says('account deleted, says a portal', 200, HTML_TYPE, '<html>ok</html>', { methods: DELETION }),
  says('account deleted, says nobody', 200, {}, '', { methods: DELETION }),
  claimed('account deleted, says an object', DELETION, () => ({})),
  claimed('the repo of another account', ['com.atproto.sync.getRepoStatus'], () => ({
    did: DID,
    active: false,
    status: 'deleted',
  })),
  changed('a repo neither active nor not', ['com.atproto.sync.getRepoStatus'], ({ did }) => ({ did, active: 'no' })),
  changed('another name of the repo', ['com.atproto.repo.describeRepo'], (fields) => ({ ...fields, did: DID })),
  changed('a list of records of others', ['com.atproto.repo.listRecords'], (fields) => ({
    ...fields,
    records: [{ uri: `at://${DID}/${COLLECTION}/${KEY}`, cid: CID, value: {} }],
  })),
  changed('a server without names for handles', ['com.atproto.server.describeServer'], () => ({
    did: 'did:web:localhost',
    availableUserDomains: [],
  })),
  changed('a server with names that are none', ['com.atproto.server.describeServer'], () => ({
    did: 'did:web:localhost',
    availableUserDomains: ['not a domain', 7],
  })),
]
