/** Where the commands about the lexicon look: the configured network, the embedded one, or the public one. */

import { Resolver } from 'node:dns/promises'
import { type Config, PUBLIC_PLC, readConfig } from '../config.ts'
import { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import { storedAuthority } from '../lexicon/embedded-authority.ts'
import type { ResolveTxt } from '../lexicon/resolve.ts'
import { networkOf } from '../network.ts'
import { Xrpc } from '../pds/xrpc.ts'

interface Place {
  readonly config: Config
  readonly folder: DataFolder
  /** Base URL of the embedded PDS, where that is the one meant; null otherwise. */
  readonly embeddedPds: string | null
  readonly plcUrl: string
  readonly timeoutMs: number
  readonly xrpc: Xrpc
}

/**
 * @param plc URL of another PLC directory than the configured one
 * @throws DomainError `config`, `usage`
 */
export function readPlace(plc: string | undefined): Place {
  const config = readConfig(process.env, { serves: false })
  const folder = new DataFolder(config.dataFolder)
  if (plc !== undefined && !/^https?:\/\/./.test(plc)) throw new DomainError('usage', '--plc is an http or https URL')
  const network = plc === undefined ? networkOf(config, folder) : null
  const plcUrl = plc?.replace(/\/+$/, '') ?? network?.plcUrl ?? PUBLIC_PLC
  const embeddedPds = config.remote === null ? (network?.pdsUrl ?? null) : null
  const timeoutMs = config.pdsTimeoutMs
  // The key that lifts the limits of our own PDS must not reach another host.
  const xrpc = new Xrpc({ now: () => Date.now() }, { timeoutMs, bypassKey: null }, null)
  return { config, folder, embeddedPds, plcUrl, timeoutMs, xrpc }
}

/**
 * @param nameServer address of the server to ask, with or without a port; undefined for those of the machine
 * @throws DomainError `usage` when that is no address
 */
export function resolverOf(nameServer: string | undefined, timeoutMs: number): ResolveTxt {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  try {
    if (nameServer !== undefined) resolver.setServers([nameServer])
  } catch (error) {
    throw new DomainError('usage', `--name-server ${nameServer} is no IP address`, { cause: error })
  }
  return (name) => resolver.resolveTxt(name)
}

/** The repo of the lexicon on the embedded PDS; null where that is not used. @throws DomainError `not_found` */
export function embeddedDid({ embeddedPds, folder }: Place): string | null {
  if (embeddedPds === null) return null
  const did = storedAuthority(folder)?.did
  if (did) return did
  const message = 'nothing was published on the embedded PDS yet: "moods lexicon publish --execute" does it'
  throw new DomainError('not_found', message)
}
