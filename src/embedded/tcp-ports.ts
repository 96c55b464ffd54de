/** The TCP ports of the embedded network. DIDs name the PDS's address, so once chosen they stay. */

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'

export interface NetworkPorts {
  readonly pds: number
  readonly plc: number
}

/** Where our own server listens; port 0 for any free one. */
export interface HttpAddress {
  readonly host: string
  readonly port: number
}

/** Where the embedded servers listen, whatever HOST says. */
export const LOOPBACK = '127.0.0.1'

const FILE = 'network.json'
export const DEFAULT_PORTS: NetworkPorts = { pds: 2583, plc: 2582 }

/** The ports that the folder remembers; null before its first start. */
export function storedPorts(folder: DataFolder): NetworkPorts | null {
  return folder.readJson(FILE) as NetworkPorts | null
}

/**
 * Finds out which ports to use: those that the folder remembers, else the wanted ones, else the defaults.
 *
 * @param wanted a port, 0 for any free one, null for the default; `http` is our own server's, where one is run
 * @throws DomainError `config` when two of them are the same; `data_folder` when another port is wanted than the one that
 *   the folder's DIDs name; `port_in_use` when one is taken. Nothing is written.
 */
export async function choosePorts(
  folder: DataFolder,
  wanted: { readonly http?: HttpAddress; readonly pds: number | null; readonly plc: number | null },
): Promise<NetworkPorts> {
  const stored = storedPorts(folder)
  const named = (name: 'pds' | 'plc'): number => {
    const port = wanted[name]
    if (!stored) return port ?? DEFAULT_PORTS[name]
    if (port === null || port === 0 || port === stored[name]) return stored[name]
    const variable = `${name.toUpperCase()}_PORT`
    const message = `the accounts in ${folder.path} live on port ${stored[name]}: ${variable} cannot be changed to ${port}`
    throw new DomainError('data_folder', message)
  }
  const [pds, plc, http] = [named('pds'), named('plc'), wanted.http?.port ?? 0]
  // Before any is tried: what the settings cannot mean is no matter of what else runs here.
  if (pds === plc && pds !== 0) throw new DomainError('config', 'PDS_PORT and PLC_PORT cannot be the same')
  if (http !== 0 && (http === pds || http === plc)) {
    throw new DomainError('config', 'PORT cannot be the same as PDS_PORT or PLC_PORT')
  }
  if (wanted.http) await checkPort(wanted.http)
  const foundPds = await freePort(pds, 'PDS_PORT', [http])
  return { pds: foundPds, plc: await freePort(plc, 'PLC_PORT', [http, foundPds]) }
}

/** Where the embedded PDS and PLC directory are to be found, whether or not they run in this process. */
export function networkUrls(ports: NetworkPorts): { readonly pdsUrl: string; readonly plcUrl: string } {
  return { pdsUrl: `http://localhost:${ports.pds}`, plcUrl: `http://localhost:${ports.plc}` }
}

export function rememberPorts(folder: DataFolder, ports: NetworkPorts): void {
  if (storedPorts(folder) === null) folder.writeJson(FILE, ports)
}

/**
 * Looks whether our own server will be able to listen.
 *
 * @throws DomainError `port_in_use`
 */
export async function checkPort({ host, port }: HttpAddress): Promise<void> {
  if (port !== 0) await tryPort(host, port, 'PORT')
}

/**
 * Below the ports that systems give to outgoing connections (Linux: from 32768), so that none of these takes the port before we
 * listen, or while a stored one is not in use.
 */
const CHOICE = { from: 20_000, to: 32_000 } as const
const TRIES = 50

/**
 * @param port 0 for any
 * @param reserved ports that will be used, although no server listens there yet
 * @returns a port that was free a moment ago
 * @throws DomainError `port_in_use`
 */
async function freePort(port: number, variable: string, reserved: readonly number[]): Promise<number> {
  if (port !== 0) return tryPort(LOOPBACK, port, variable)
  for (let tries = 1; ; tries++) {
    const candidate = randomInt(CHOICE.from, CHOICE.to)
    if (reserved.includes(candidate)) continue
    try {
      return await tryPort(LOOPBACK, candidate, variable)
    } catch (error) {
      if (tries === TRIES) throw error
    }
  }
}

function tryPort(host: string, port: number, variable: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) => {
      const { code } = error as NodeJS.ErrnoException
      const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be used, ${code}`
      const message = `port ${port} on ${host} ${why} (${variable}${code === 'EADDRINUSE' ? '' : ' or HOST'})`
      reject(new DomainError('port_in_use', message, { cause: error }))
    })
    probe.listen(port, host, () => {
      const address = probe.address()
      const found = typeof address === 'object' && address !== null ? address.port : port
      probe.close(() => resolve(found))
    })
  })
}
