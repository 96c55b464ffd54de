/** The TCP ports of the embedded network. DIDs name the PDS's address, so once chosen they stay. */

import { createServer } from 'node:net'
import type { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'

export interface NetworkPorts {
  readonly pds: number
  readonly plc: number
}

/** Where the embedded servers listen, whatever HOST says. */
export const LOOPBACK = '127.0.0.1'

const FILE = 'network.json'
const DEFAULTS: NetworkPorts = { pds: 2583, plc: 2582 }

/** The ports that the folder remembers; null before its first start. */
export function storedPorts(folder: DataFolder): NetworkPorts | null {
  return folder.readJson(FILE) as NetworkPorts | null
}

/**
 * Finds out which ports to use: those that the folder remembers, else the wanted ones, else the defaults.
 *
 * @param wanted a port, 0 for any free one, null for the default
 * @throws DomainError `data_folder` when another PDS port is wanted than the one that the folder's DIDs name;
 *   `port_in_use` when one is taken. Nothing is written.
 */
export async function choosePorts(
  folder: DataFolder,
  wanted: { readonly pds: number | null; readonly plc: number | null },
): Promise<NetworkPorts> {
  const stored = storedPorts(folder)
  const choose = async (name: 'pds' | 'plc'): Promise<number> => {
    const port = wanted[name]
    const variable = `${name.toUpperCase()}_PORT`
    if (stored) {
      if (port !== null && port !== 0 && port !== stored[name]) {
        const message = `the accounts in ${folder.path} live on port ${stored[name]}: ${variable} cannot be changed to ${port}`
        throw new DomainError('data_folder', message)
      }
      return freePort(LOOPBACK, stored[name], variable)
    }
    return freePort(LOOPBACK, port ?? DEFAULTS[name], variable)
  }
  const ports = { pds: await choose('pds'), plc: await choose('plc') }
  if (ports.pds === ports.plc) throw new DomainError('config', 'PDS_PORT and PLC_PORT cannot be the same')
  return ports
}

/** Where the embedded PDS and PLC directory are to be found, whether or not they run in this process. */
export function networkUrls(ports: NetworkPorts): { readonly pdsUrl: string; readonly plcUrl: string } {
  return { pdsUrl: `http://localhost:${ports.pds}`, plcUrl: `http://localhost:${ports.plc}` }
}

export function rememberPorts(folder: DataFolder, ports: NetworkPorts): void {
  if (storedPorts(folder) === null) folder.writeJson(FILE, ports)
}

/**
 * @param port 0 for any
 * @returns a port that was free a moment ago
 * @throws DomainError `port_in_use`
 */
export function freePort(host: string, port: number, variable: string): Promise<number> {
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
