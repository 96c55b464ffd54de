/**
 * The XRPC methods that we call, each with the fields that we use
 * (https://docs.bsky.app/docs/category/http-reference). The client in `@atproto/lex` has some of them, but cannot send
 * `swapRecord: null`, which is how a create says that nothing may be there yet.
 */

import { l } from '@atproto/lex-schema'

const MB = 1024 * 1024

/** What the answer to most methods is far below: a record, or the result of a write. */
const MAX_BYTES = MB

/** The methods whose answers may be longer. */
const LONGER: Readonly<Record<string, number>> = {
  // A hundred records. Parsed, the worst of JSON takes forty times as much memory.
  'com.atproto.repo.listRecords': 4 * MB,
  'com.atproto.sync.getRepo': 64 * MB,
  'com.atproto.sync.getBlocks': 8 * MB,
}

/** The most bytes that an answer may have, where whoever asks names no number. @param url of a request, `/xrpc/` and the method */
export function maxBytesOf({ pathname }: URL): number {
  return LONGER[pathname.slice('/xrpc/'.length)] ?? MAX_BYTES
}

const session = l.jsonPayload({
  accessJwt: l.string(),
  refreshJwt: l.string(),
  did: l.string({ format: 'did' }),
  handle: l.string(),
  active: l.optional(l.boolean()),
  status: l.optional(l.string()),
})

export const createSession = l.procedure(
  'com.atproto.server.createSession',
  l.params(),
  l.jsonPayload({ identifier: l.string(), password: l.string() }),
  session,
)

/** Authorised by the refresh token. */
export const refreshSession = l.procedure('com.atproto.server.refreshSession', l.params(), l.payload(), session)

export const createAccount = l.procedure(
  'com.atproto.server.createAccount',
  l.params(),
  l.jsonPayload({
    handle: l.string({ format: 'handle' }),
    email: l.string(),
    password: l.string(),
    inviteCode: l.optional(l.string()),
  }),
  session,
)

/** Authorised by the admin password. */
export const createInviteCode = l.procedure(
  'com.atproto.server.createInviteCode',
  l.params(),
  l.jsonPayload({ useCount: l.integer() }),
  l.jsonPayload({ code: l.string() }),
)

/** Authorised by the admin password; fine when there is no such account. */
export const deleteAccount = l.procedure(
  'com.atproto.admin.deleteAccount',
  l.params(),
  l.jsonPayload({ did: l.string({ format: 'did' }) }),
  l.payload(),
)

export const describeServer = l.query(
  'com.atproto.server.describeServer',
  l.params(),
  l.jsonPayload({
    availableUserDomains: l.array(l.string()),
    inviteCodeRequired: l.optional(l.boolean()),
  }),
)

/** Authorised by the admin password; asked to see whether that is the right one. */
export const getInviteCodes = l.query(
  'com.atproto.admin.getInviteCodes',
  l.params({ limit: l.integer() }),
  l.jsonPayload({ codes: l.array(l.lexMap()) }),
)

/** Whom a handle belongs to, as this PDS sees it. */
export const resolveHandle = l.query(
  'com.atproto.identity.resolveHandle',
  l.params({ handle: l.string({ format: 'handle' }) }),
  l.jsonPayload({ did: l.string({ format: 'did' }) }),
)

/** Whether a repo can be read, and if not, why. */
export const getRepoStatus = l.query(
  'com.atproto.sync.getRepoStatus',
  l.params({ did: l.string({ format: 'did' }) }),
  l.jsonPayload({ did: l.string(), active: l.boolean(), status: l.optional(l.string()) }),
)

/** The whole repo as one CAR; needs no authorisation. */
export const getRepo = l.query(
  'com.atproto.sync.getRepo',
  l.params({ did: l.string({ format: 'did' }) }),
  l.payload('application/vnd.ipld.car'),
)

/** All repos of the host, a thousand a page. */
export const listRepos = l.query(
  'com.atproto.sync.listRepos',
  l.params({ limit: l.integer(), cursor: l.optional(l.string()) }),
  l.jsonPayload({
    cursor: l.optional(l.string()),
    repos: l.array(l.object({ did: l.string(), rev: l.string() })),
  }),
)

const did = l.string({ format: 'did' })
const collection = l.string({ format: 'nsid' })
const rkey = l.string({ format: 'record-key' })
const written = l.jsonPayload({ uri: l.string(), cid: l.string() })

/** What an account is called on its PDS. */
export const describeRepo = l.query(
  'com.atproto.repo.describeRepo',
  l.params({ repo: did }),
  l.jsonPayload({ handle: l.string(), did: l.string() }),
)

/** Up to 100 records, the latest key first. */
export const listRecords = l.query(
  'com.atproto.repo.listRecords',
  l.params({ repo: did, collection, limit: l.integer() }),
  l.jsonPayload({ records: l.array(l.object({ uri: l.string(), cid: l.string(), value: l.lexMap() })) }),
)

export const getRecord = l.query(
  'com.atproto.repo.getRecord',
  l.params({ repo: did, collection, rkey }),
  l.jsonPayload({ uri: l.string(), cid: l.string(), value: l.lexMap() }),
)

/** Creates or replaces. `swapRecord`: what is replaced, null for nothing; anything else there is answered `InvalidSwap`. */
export const putRecord = l.procedure(
  'com.atproto.repo.putRecord',
  l.params(),
  l.jsonPayload({ repo: did, collection, rkey, record: l.lexMap(), swapRecord: l.nullable(l.string()) }),
  written,
)

/** Does nothing when there is no such record. */
export const deleteRecord = l.procedure(
  'com.atproto.repo.deleteRecord',
  l.params(),
  l.jsonPayload({ repo: did, collection, rkey }),
  l.jsonPayload({}),
)

/**
 * Up to 200 writes in one commit. Each is `com.atproto.repo.applyWrites#create`, `#update` or `#delete`; the results, where they
 * are given, are in the same order.
 */
export const applyWrites = l.procedure(
  'com.atproto.repo.applyWrites',
  l.params(),
  l.jsonPayload({ repo: did, writes: l.array(l.lexMap()) }),
  l.jsonPayload({ results: l.optional(l.array(l.lexMap())) }),
)
