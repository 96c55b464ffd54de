/**
 * The XRPC methods that we call, each with the fields that we use
 * (https://docs.bsky.app/docs/category/http-reference). The client in `@atproto/lex` has some of them, but cannot send
 * `swapRecord: null`, which is how a create says that nothing may be there yet.
 */

import { l } from '@atproto/lex'

const session = l.jsonPayload({ accessJwt: l.string(), refreshJwt: l.string(), did: l.string({ format: 'did' }) })

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

/** The whole repo as one CAR; needs no authorisation. */
export const getRepo = l.query(
  'com.atproto.sync.getRepo',
  l.params({ did: l.string({ format: 'did' }) }),
  l.payload('application/vnd.ipld.car'),
)

const did = l.string({ format: 'did' })
const collection = l.string({ format: 'nsid' })
const rkey = l.string({ format: 'record-key' })
const written = l.jsonPayload({ uri: l.string(), cid: l.string() })

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

/** Up to 200 writes in one commit. Each is `com.atproto.repo.applyWrites#create`, `#update` or `#delete`. */
export const applyWrites = l.procedure(
  'com.atproto.repo.applyWrites',
  l.params(),
  l.jsonPayload({ repo: did, writes: l.array(l.lexMap()) }),
  l.jsonPayload({}),
)
