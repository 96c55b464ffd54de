/** Where the PDS is: one that runs elsewhere, or the embedded one, which one server of a data folder runs. */

import type { Config } from './config.ts'
import type { DataFolder } from './data-folder.ts'
import { DomainError } from './domain/errors.ts'
import { checkPort, choosePorts, networkUrls, rememberPorts, storedPorts } from './embedded/tcp-ports.ts'
import { localFile } from './store/address.ts'
import { checkStore } from './store/open.ts'

/** What is needed to make accounts on the PDS, and to keep their secrets. */
export interface PdsAccess {
  readonly adminPassword: string
  readonly sealKey: Uint8Array
}

export interface PdsPlan {
  readonly url: string
  /** Its PLC directory. */
  readonly plcUrl: string
  /** Starts it, if it is ours to start; once the store is open. */
  start(): Promise<PdsAccess>
}

/** Whether anything is kept in the data folder: not with a store and a PDS elsewhere, so that any number may serve. */
export function needsFolder(config: Config): boolean {
  return localFile(config.store) !== null || config.remote === null
}

/**
 * Makes this process the one server of the folder, where there is one.
 *
 * @throws DomainError `config`, `port_in_use`, `data_folder`: before anything was written
 */
export async function hostPds(config: Config, folder: DataFolder, starting: AsyncDisposableStack): Promise<PdsPlan> {
  // Looked at before anything is written: a refusal must leave no trace.
  if (needsFolder(config)) folder.checkFree()
  checkStore(config.store)
  const { remote } = config
  if (remote) {
    await checkPort(config)
    if (needsFolder(config)) takeFolder(folder, starting)
    return { url: remote.url, plcUrl: remote.plcUrl, start: () => Promise.resolve(remote) }
  }
  const { pdsPort: pds, plcPort: plc } = config.embedded
  const ports = await choosePorts(folder, { http: config, pds, plc })
  takeFolder(folder, starting)
  const start = async (): Promise<PdsAccess> => {
    // Development dependencies: a package that is installed elsewhere does not bring them.
    const { startNetwork } = await import('./embedded/network.ts')
    const secrets = folder.secrets()
    rememberPorts(folder, ports)
    starting.use(await startNetwork({ folder, ports, secrets, rateLimits: config.limits.points.length > 0 }))
    return accessOf(folder)
  }
  const { pdsUrl: url, plcUrl } = networkUrls(ports)
  return { url, plcUrl, start }
}

function takeFolder(folder: DataFolder, starting: AsyncDisposableStack): void {
  folder.checkWritable()
  starting.use(folder.lock())
}

/** Where PDS and PLC directory are: remote ones, or the embedded ones of a folder; null before those were ever started. */
export function networkOf(
  { remote }: Config,
  folder: DataFolder,
): { readonly pdsUrl: string; readonly plcUrl: string } | null {
  if (remote) return { pdsUrl: remote.url, plcUrl: remote.plcUrl }
  const ports = storedPorts(folder)
  return ports && networkUrls(ports)
}

/**
 * The PDS that a worker writes to: a remote one, or the one that the server of the same folder runs.
 *
 * @throws DomainError `data_folder` when there is none yet
 */
export function findPds(config: Config, folder: DataFolder): PdsPlan {
  const { remote } = config
  if (remote && needsFolder(config)) folder.checkWritable()
  const network = networkOf(config, folder)
  if (!network) {
    throw new DomainError(
      'data_folder',
      `there is nothing in ${folder.path} yet: start "moods serve" first, or set PDS_URL`,
    )
  }
  const { pdsUrl: url, plcUrl } = network
  return { url, plcUrl, start: () => Promise.resolve(remote ?? accessOf(folder)) }
}

function accessOf(folder: DataFolder): PdsAccess {
  const secrets = folder.secrets()
  return { adminPassword: secrets.pdsAdminPassword, sealKey: Buffer.from(secrets.sealKey, 'base64url') }
}
