/** Whether the rest of the network finds the lexicon that we write by: from DNS to a DID, its PDS and the record. */

import { LexResolver, LexResolverError } from '@atproto/lex-resolver'
import { DomainError } from '../domain/errors.ts'
import { LEXICON_COLLECTION, type Publication, txtLineOf, txtNameOf } from './document.ts'
import { type Change, planOf } from './evolution.ts'
import { requireDid, resolveDid } from '../pds/identity.ts'
import { LexiconRepo } from './repo.ts'
import type { Xrpc } from '../pds/xrpc.ts'

/** TXT records of a name, each in its parts, as `resolveTxt` of `node:dns/promises`. */
export type ResolveTxt = (name: string) => Promise<string[][]>

export interface CheckOptions {
  /** The document that should be found. */
  readonly publication: Publication
  /** Whose repo to look into, instead of asking DNS; null to ask. */
  readonly did: string | null
  readonly resolveTxt: ResolveTxt
  readonly xrpc: Xrpc
  readonly plcUrl: string
  /** How long one request may take. */
  readonly timeoutMs: number
}

export interface Finding {
  /** Where the way ends. */
  readonly step: 'dns' | 'did' | 'record' | 'proof' | 'document'
  readonly problem: string
  readonly remedy: string
  /** From what is published to what should be. */
  readonly changes: readonly Change[]
}

export interface CheckReport {
  readonly nsid: string
  readonly ok: boolean
  readonly txt: { readonly name: string; readonly asked: boolean }
  readonly did: string | null
  readonly pds: string | null
  readonly uri: string | null
  /** CID of the record there, and the one that it should have. */
  readonly cid: { readonly published: string | null; readonly expected: string }
  readonly findings: readonly Finding[]
}

/**
 * Resolves the NSID as any client does (https://atproto.com/specs/lexicon#lexicon-publication-and-resolution),
 * as far as it leads.
 *
 * @throws DomainError `usage` when `did` is none; `unavailable` when DNS, the PLC directory or the PDS does not answer,
 *   which says nothing of the lexicon
 */
export async function checkLexicon(options: CheckOptions): Promise<CheckReport> {
  const { publication, plcUrl, timeoutMs } = options
  const nsid = publication.document.id
  const report = {
    nsid,
    txt: { name: txtNameOf(nsid), asked: options.did === null },
    did: null as string | null,
    pds: null as string | null,
    uri: null as string | null,
    cid: { published: null as string | null, expected: publication.cid },
  }
  const end = (...findings: Finding[]): CheckReport => ({ ...report, ok: findings.length === 0, findings })

  const authority = options.did === null ? await askDns(nsid, options.resolveTxt) : requireDid(options.did)
  if (typeof authority !== 'string') return end(authority)
  report.did = authority
  const identity = await resolveDid(authority, plcUrl, timeoutMs)
  report.pds = identity.kind === 'known' ? identity.pds : null
  if (report.pds === null) return end(noPds(authority, options))
  const uri = `at://${authority}/${LEXICON_COLLECTION}/${nsid}`
  const repo = new LexiconRepo(options.xrpc, report.pds, authority)
  const published = await readOrNothing(repo, nsid)
  if ('step' in published) return end(published)
  report.uri = uri
  report.cid.published = published.cid
  const findings = [await unproven(authority, published.cid, options), differing(published, publication, authority)]
  return end(...findings.filter((found) => found !== null))
}

function finding(step: Finding['step'], problem: string, remedy: string, changes: readonly Change[] = []): Finding {
  return { step, problem, remedy, changes }
}

/** Names that are not there, in the words of `node:dns`. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA'])

async function askDns(nsid: string, resolveTxt: ResolveTxt): Promise<string | Finding> {
  const name = txtNameOf(nsid)
  let records: string[][]
  try {
    records = await resolveTxt(name)
  } catch (error) {
    const { code = 'no code' } = error as NodeJS.ErrnoException
    if (!NOTHING.has(code))
      throw new DomainError('unavailable', `DNS does not answer for ${name} (${code})`, { cause: error })
    records = []
  }
  const dids = records.map((parts) => parts.join('')).filter((text) => text.startsWith('did='))
  const remedy = `have exactly one such line in the zone: ${txtLineOf(nsid, '<DID of the repo that holds the lexicon>')}`
  const [only, ...more] = dids
  if (only === undefined) return finding('dns', `${name} has no TXT record that begins with did=`, remedy)
  if (more.length > 0) return finding('dns', `${name} has ${dids.length} TXT records that begin with did=`, remedy)
  try {
    return requireDid(only.slice('did='.length))
  } catch {
    return finding('dns', `${name} has a TXT record without a DID that ATProto knows: ${only}`, remedy)
  }
}

function noPds(did: string, { plcUrl, did: given }: CheckOptions): Finding {
  const where = did.startsWith('did:plc:') ? ` in the directory ${plcUrl}` : ''
  const remedy =
    given === null ? 'correct the TXT record, or the DID document' : 'give another DID, or correct its document'
  return finding('did', `${did} does not lead to a PDS${where}`, remedy)
}

function toPublish(did: string): string {
  return `moods lexicon publish --did ${did} --execute`
}

async function readOrNothing(repo: LexiconRepo, nsid: string) {
  try {
    const published = await repo.read(nsid)
    return published ?? finding('record', `${repo.did} has published nothing under ${nsid}`, toPublish(repo.did))
  } catch (error) {
    if (!(error instanceof DomainError) || error.code === 'unavailable') throw error
    return finding('record', error.message, `have ${repo.pds} serve the repo again, or move it`)
  }
}

/** The resolver of the ATProto library, which takes nothing that the repo's own key has not signed. */
async function unproven(did: string, cid: string, options: CheckOptions): Promise<Finding | null> {
  const { plcUrl, timeoutMs, publication } = options
  const onResolveAuthority = () => did as `did:plc:${string}`
  const resolver = new LexResolver({ plcDirectoryUrl: plcUrl, hooks: { onResolveAuthority } })
  const remedy = 'publish it again; if that does not help, ask whoever runs the PDS'
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const resolved = await resolver.get(publication.document.id, { signal, noCache: true })
    if (resolved.cid.toString() === cid) return null
    return finding(
      'proof',
      `the PDS shows another record (${cid}) than the repo holds (${resolved.cid.toString()})`,
      remedy,
    )
  } catch (error) {
    if (!(error instanceof LexResolverError)) throw error
    return finding('proof', `the record cannot be resolved: ${error.description}`, remedy)
  }
}

function differing(
  published: { readonly cid: string; readonly value: unknown },
  publication: Publication,
  did: string,
): Finding | null {
  const { action, changes } = planOf(published, publication)
  if (action === 'nothing') return null
  if (action === 'change') {
    return finding('document', 'what is published differs, in nothing that breaks anybody', toPublish(did), changes)
  }
  const remedy = `write under a new NSID; or, if nobody relies on what is published, ${toPublish(did)} --force`
  return finding('document', 'what is published differs, and ours would BREAK it', remedy, changes)
}
