/** Where the commands about the lexicon look: the configured network, the embedded one, or the public one. */

import { Resolver } from 'node:dns/promises'
import { type Config, readConfig } from '../../config.ts'
import { DataFolder } from '../../data-folder.ts'
import { DomainError } from '../../domain/errors.ts'
import { networkUrls, storedPorts } from '../../embedded/tcp-ports.ts'
import type { ResolveTxt } from '../../lexicon/resolve.ts'
import { Xrpc } from '../../pds/xrpc.ts'

const PUBLIC_PLC = 'https://plc.directory'

export interface Place {
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
  const ports = config.remote === null && plc === undefined ? storedPorts(folder) : null
  const network = ports && networkUrls(ports)
  const plcUrl = plc?.replace(/\/+$/, '') ?? config.remote?.plcUrl ?? network?.plcUrl ?? PUBLIC_PLC
  const timeoutMs = config.pdsTimeoutMs
  // The key that lifts the limits of our own PDS is none of a stranger's business.
  const xrpc = new Xrpc({ now: () => Date.now() }, { timeoutMs, bypassKey: null })
  return { config, folder, embeddedPds: network?.pdsUrl ?? null, plcUrl, timeoutMs, xrpc }
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
