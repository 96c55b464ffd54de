/**
 * The XRPC methods that we call, each with the fields that we send (https://docs.bsky.app/docs/category/http-reference). What
 * comes back has to be as the official lexicon of the method says (`lexicons-atproto/`), in the fields that it requires and in
 * those that we read: of an answer in another form, nothing is believed.
 */

import { l } from '@atproto/lex-schema'
import { $output as inviteCodesOutput } from './lexicons/com/atproto/admin/getInviteCodes.defs.ts'
import { $output as recommendedOutput } from './lexicons/com/atproto/identity/getRecommendedDidCredentials.defs.ts'
import { $output as resolveHandleOutput } from './lexicons/com/atproto/identity/resolveHandle.defs.ts'
import { $output as applyWritesOutput } from './lexicons/com/atproto/repo/applyWrites.defs.ts'
import { $output as deleteRecordOutput } from './lexicons/com/atproto/repo/deleteRecord.defs.ts'
import { $output as describeRepoOutput } from './lexicons/com/atproto/repo/describeRepo.defs.ts'
import { $output as getRecordOutput } from './lexicons/com/atproto/repo/getRecord.defs.ts'
import { $output as listRecordsOutput } from './lexicons/com/atproto/repo/listRecords.defs.ts'
import { $output as putRecordOutput } from './lexicons/com/atproto/repo/putRecord.defs.ts'
import { $output as createAccountOutput } from './lexicons/com/atproto/server/createAccount.defs.ts'
import { $output as inviteCodeOutput } from './lexicons/com/atproto/server/createInviteCode.defs.ts'
import { $output as createSessionOutput } from './lexicons/com/atproto/server/createSession.defs.ts'
import { $output as describeServerOutput } from './lexicons/com/atproto/server/describeServer.defs.ts'
import { $output as refreshSessionOutput } from './lexicons/com/atproto/server/refreshSession.defs.ts'
import { $output as hostStatusOutput } from './lexicons/com/atproto/sync/getHostStatus.defs.ts'
import { $output as latestCommitOutput } from './lexicons/com/atproto/sync/getLatestCommit.defs.ts'
import { $output as repoStatusOutput } from './lexicons/com/atproto/sync/getRepoStatus.defs.ts'
import { $output as listReposOutput } from './lexicons/com/atproto/sync/listRepos.defs.ts'

const MB = 1024 * 1024

/** What the answer to most methods is far below: a record, or the result of a write. */
const MAX_BYTES = MB

/** The methods whose answers may be longer. */
const LONGER: Readonly<Record<string, number>> = {
  // A hundred records.
  'com.atproto.repo.listRecords': 4 * MB,
  'com.atproto.sync.getRepo': 64 * MB,
  'com.atproto.sync.getBlocks': 8 * MB,
}

/** NSID of the method that a request asks. @param url its path is `/xrpc/` and the method */
export function methodIn({ pathname }: URL): string {
  return pathname.slice('/xrpc/'.length)
}

/** The most bytes that an answer may have, where whoever asks names no number. */
export function maxBytesOf(method: string): number {
  return LONGER[method] ?? MAX_BYTES
}

type Shape = Record<string, l.Validator<l.LexValue | undefined>>
type JsonOutput<S extends Shape> = l.Payload<'application/json', l.ObjectSchema<S>>

/**
 * What has to hold of an answer before it is one: of the official output, these fields. An optional field that nobody reads
 * is looked at by nobody, since a PDS that has it wrong works all the same.
 */
function only<S extends Shape, K extends keyof S & string>({ schema }: JsonOutput<S>, ...fields: readonly K[]) {
  return l.jsonPayload(Object.fromEntries(fields.map((field) => [field, schema.shape[field]])) as unknown as Pick<S, K>)
}

/** An official output that requires nothing, so that any object would do: it has one of its fields, or none at all. */
function someOf<S extends Shape>({ schema }: JsonOutput<S>) {
  const isKnown = (field: string): boolean => field in schema.shape
  const hasForm = (body: object): boolean => {
    const fields = Object.keys(body)
    return fields.length === 0 || fields.some(isKnown)
  }
  return l.payload('application/json', l.refine(schema, { check: hasForm, message: 'has none of the fields' }))
}

export const createSession = l.procedure(
  'com.atproto.server.createSession',
  l.params(),
  l.jsonPayload({ identifier: l.string(), password: l.string() }),
  only(createSessionOutput, 'accessJwt', 'refreshJwt', 'handle', 'did', 'active', 'status'),
)

/** Authorised by the refresh token. */
export const refreshSession = l.procedure(
  'com.atproto.server.refreshSession',
  l.params(),
  l.payload(),
  only(refreshSessionOutput, 'accessJwt', 'refreshJwt', 'handle', 'did', 'active', 'status'),
)

export const createAccount = l.procedure(
  'com.atproto.server.createAccount',
  l.params(),
  l.jsonPayload({
    handle: l.string({ format: 'handle' }),
    email: l.string(),
    password: l.string(),
    inviteCode: l.optional(l.string()),
  }),
  only(createAccountOutput, 'accessJwt', 'refreshJwt', 'handle', 'did'),
)

/** Authorised by the admin password. */
export const createInviteCode = l.procedure(
  'com.atproto.server.createInviteCode',
  l.params(),
  l.jsonPayload({ useCount: l.integer() }),
  only(inviteCodeOutput, 'code'),
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
  only(describeServerOutput, 'did', 'availableUserDomains', 'inviteCodeRequired'),
)

/** What the PDS would have the DID document of the account say. Authorised by the account's access token. */
export const getRecommendedDidCredentials = l.query(
  'com.atproto.identity.getRecommendedDidCredentials',
  l.params(),
  someOf(recommendedOutput),
)

/** Authorised by the admin password; asked to see whether that is the right one. */
export const getInviteCodes = l.query(
  'com.atproto.admin.getInviteCodes',
  l.params({ limit: l.integer() }),
  only(inviteCodesOutput, 'codes'),
)

/** Whom a handle belongs to, as this PDS sees it. */
export const resolveHandle = l.query(
  'com.atproto.identity.resolveHandle',
  l.params({ handle: l.string({ format: 'handle' }) }),
  only(resolveHandleOutput, 'did'),
)

/** Whether a repo can be read, and if not, why. */
export const getRepoStatus = l.query(
  'com.atproto.sync.getRepoStatus',
  l.params({ did: l.string({ format: 'did' }) }),
  only(repoStatusOutput, 'did', 'active', 'status'),
)

/** The same of a relay, with the newest revision that it has seen. */
export const getRepoStatusAtRelay = l.query(
  'com.atproto.sync.getRepoStatus',
  l.params({ did: l.string({ format: 'did' }) }),
  only(repoStatusOutput, 'did', 'active', 'status', 'rev'),
)

/** What a relay says of a PDS. */
export const getHostStatus = l.query(
  'com.atproto.sync.getHostStatus',
  l.params({ hostname: l.string() }),
  only(hostStatusOutput, 'hostname', 'accountCount', 'status'),
)

/** Asks a relay to follow a PDS. */
export const requestCrawl = l.procedure(
  'com.atproto.sync.requestCrawl',
  l.params(),
  l.jsonPayload({ hostname: l.string() }),
  l.payload(),
)

/** The whole repo as one CAR; needs no authorisation. */
export const getRepo = l.query(
  'com.atproto.sync.getRepo',
  l.params({ did: l.string({ format: 'did' }) }),
  l.payload('application/vnd.ipld.car'),
)

/** Newest commit of a repo; needs no authorisation. */
export const getLatestCommit = l.query(
  'com.atproto.sync.getLatestCommit',
  l.params({ did: l.string({ format: 'did' }) }),
  only(latestCommitOutput, 'cid', 'rev'),
)

/** All repos of the host, a thousand a page. */
export const listRepos = l.query(
  'com.atproto.sync.listRepos',
  l.params({ limit: l.integer(), cursor: l.optional(l.string()) }),
  only(listReposOutput, 'cursor', 'repos'),
)

const did = l.string({ format: 'did' })
const collection = l.string({ format: 'nsid' })
const rkey = l.string({ format: 'record-key' })

/** What an account is called on its PDS. */
export const describeRepo = l.query(
  'com.atproto.repo.describeRepo',
  l.params({ repo: did }),
  only(describeRepoOutput, 'handle', 'did', 'didDoc', 'collections', 'handleIsCorrect'),
)

/** Up to 100 records, the latest key first. */
export const listRecords = l.query(
  'com.atproto.repo.listRecords',
  l.params({ repo: did, collection, limit: l.integer(), cursor: l.optional(l.string()) }),
  only(listRecordsOutput, 'cursor', 'records'),
)

/** Blocks of a repo by their CIDs, as a CAR without a root; needs no authorisation. A later commit may have dropped some. */
export const getBlocks = l.query(
  'com.atproto.sync.getBlocks',
  l.params({ did, cids: l.array(l.string({ format: 'cid' })) }),
  l.payload('application/vnd.ipld.car'),
)

/** One record, or the proof that there is none: a CAR of the commit and of the nodes on the way to its key. */
export const getProof = l.query(
  'com.atproto.sync.getRecord',
  l.params({ did, collection, rkey }),
  l.payload('application/vnd.ipld.car'),
)

export const getRecord = l.query(
  'com.atproto.repo.getRecord',
  l.params({ repo: did, collection, rkey }),
  only(getRecordOutput, 'uri', 'cid', 'value'),
)

/** Creates or replaces. `swapRecord`: what is replaced, null for nothing; anything else there is answered `InvalidSwap`. */
export const putRecord = l.procedure(
  'com.atproto.repo.putRecord',
  l.params(),
  l.jsonPayload({
    repo: did,
    collection,
    rkey,
    record: l.lexMap(),
    swapRecord: l.optional(l.nullable(l.string())),
  }),
  only(putRecordOutput, 'uri', 'cid'),
)

/** Does nothing when there is no such record. */
export const deleteRecord = l.procedure(
  'com.atproto.repo.deleteRecord',
  l.params(),
  l.jsonPayload({ repo: did, collection, rkey }),
  someOf(deleteRecordOutput),
)

/**
 * Up to 200 writes in one commit. Each is `com.atproto.repo.applyWrites#create`, `#update` or `#delete`; the results, where they
 * are given, are in the same order.
 */
export const applyWrites = l.procedure(
  'com.atproto.repo.applyWrites',
  l.params(),
  l.jsonPayload({ repo: did, writes: l.array(l.lexMap()) }),
  someOf(applyWritesOutput),
)
