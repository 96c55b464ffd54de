/** Publishes the lexicon as a record of the authority's repo. */

import type { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import { resolveDid } from '../pds/identity.ts'
import type { Xrpc } from '../pds/xrpc.ts'
import type { AccountHost } from '../ports/pds.ts'
import { LEXICON_COLLECTION, type Publication, txtLineOf } from './document.ts'
import { openAuthority, storedAuthority } from './embedded-authority.ts'
import { type Plan, planOf } from './evolution.ts'
import { LexiconRepo } from './repo.ts'

/** Where the repo of the authority is looked for. */
export interface PublishDeps {
  readonly folder: DataFolder
  /** Base URL of the embedded PDS; null where it is not used. */
  readonly embeddedPds: string | null
  /** Base URL of the configured PDS; null in embedded mode. */
  readonly remotePds: string | null
  readonly plcUrl: string
  readonly timeoutMs: number
  readonly xrpc: Xrpc
  /** Lends what makes accounts on the embedded PDS. */
  readonly withHost: <T>(use: (host: AccountHost) => Promise<T>) => Promise<T>
}

export interface PublishOptions {
  /** The repo to publish in; undefined for the authority on the embedded PDS, made on first use. */
  readonly did: string | undefined
  /** Password of the account of `did`; null where none is needed. */
  readonly password: string | null
  readonly execute: boolean
  /** Publishes also what breaks existing records or readers. */
  readonly force: boolean
}

/** The repo to publish in; `did` is null before the authority on the embedded PDS is made. */
interface Target {
  readonly pds: string
  readonly did: string | null
}

export interface Published extends Plan, Target {
  readonly nsid: string
  readonly uri: string | null
  readonly cid: string
  readonly executed: boolean
  /** The change is breaking, and `force` was not given. */
  readonly refused: boolean
  /** The line for the zone file. */
  readonly dns: string | null
}

/**
 * Compares the lexicon with the published one and publishes it unless it is breaking.
 *
 * @param onPlan told the plan, before anything is written
 * @throws DomainError `usage`, `not_found`, `unavailable`
 */
export async function publishLexicon(
  deps: PublishDeps,
  publication: Publication,
  { did, password, execute, force }: PublishOptions,
  onPlan: (plan: Published) => void,
): Promise<Published> {
  const target = await findTarget(deps, did)
  const repoOf = (repo: string): LexiconRepo => new LexiconRepo(deps.xrpc, target.pds, repo)
  const published = target.did === null ? null : await repoOf(target.did).read(publication.document.id)
  const plan = planOf(published, publication)
  const refused = plan.action === 'breaking' && !force
  const planned = resultOf(publication, target, plan, { refused, executed: false })
  onPlan(planned)
  if (!execute || refused) return planned
  if (did !== undefined) {
    if (password === null) throw new DomainError('usage', `the password of ${did} is needed to publish there`)
    await repoOf(did).publish(publication, password, force)
    return resultOf(publication, target, plan, { refused, executed: true })
  }
  const authority = await deps.withHost((host) => openAuthority(deps.folder, host))
  await repoOf(authority.did).publish(publication, authority.password, force)
  return resultOf(publication, { ...target, did: authority.did }, plan, { refused, executed: true })
}

async function findTarget(deps: PublishDeps, did: string | undefined): Promise<Target> {
  const { plcUrl, timeoutMs, folder, embeddedPds, remotePds } = deps
  if (did !== undefined) {
    const found = resolveDid(did, plcUrl, timeoutMs).then((identity) =>
      identity.kind === 'known' ? identity.pds : null,
    )
    const pds = await found.catch((error: unknown) => {
      // Without the directory, try the configured PDS: it refuses accounts that it does not have.
      if (error instanceof DomainError && error.code === 'unavailable' && remotePds !== null) return remotePds
      throw error
    })
    if (pds === null) throw new DomainError('not_found', `${did} does not lead to a PDS (asked: ${plcUrl})`)
    return { did, pds }
  }
  if (embeddedPds !== null) return { did: storedAuthority(folder)?.did ?? null, pds: embeddedPds }
  if (remotePds !== null) throw new DomainError('usage', '--did must name the repo to publish in')
  const message = `there is no embedded PDS in ${folder.path} yet: "npm start" makes it; or name a repo with --did`
  throw new DomainError('usage', message)
}

function resultOf(
  { document, cid }: Publication,
  { did, pds }: Target,
  plan: Plan,
  how: { readonly refused: boolean; readonly executed: boolean },
): Published {
  const nsid = document.id
  const uri = did === null ? null : `at://${did}/${LEXICON_COLLECTION}/${nsid}`
  return { nsid, did, pds, uri, cid, ...plan, ...how, dns: did === null ? null : txtLineOf(nsid, did) }
}
