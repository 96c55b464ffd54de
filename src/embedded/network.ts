/** A real PDS and a real PLC directory in this process, kept on disk. For trying out, and for the tests. */

import { mkdirSync } from 'node:fs'
import http from 'node:http'
import { PDS } from '@atproto/pds'
import { PlcServer } from '@did-plc/server'
import type { DataFolder, Secrets } from '../data-folder.ts'
import { LOOPBACK, type NetworkPorts, networkUrls } from './tcp-ports.ts'
import { SqlitePlcDatabase } from './plc-database.ts'

export interface NetworkOptions {
  readonly folder: DataFolder
  readonly ports: NetworkPorts
  readonly secrets: Secrets
  /** Whether the PDS limits its users as the public ones do. */
  readonly rateLimits: boolean
}

export interface Network extends AsyncDisposable {
  readonly pdsUrl: string
  readonly plcUrl: string
}

/** Starts both and waits until they answer. */
export async function startNetwork({ folder, ports, secrets, rateLimits }: NetworkOptions): Promise<Network> {
  const urls = networkUrls(ports)
  await using starting = new AsyncDisposableStack()

  const plc = PlcServer.create({ db: new SqlitePlcDatabase(folder.file('plc.sqlite')), port: ports.plc })
  listenOnLoopback(plc.app)
  starting.defer(() => plc.destroy())
  await plc.start()

  const blobs = folder.file('pds', 'blobs')
  mkdirSync(blobs, { recursive: true, mode: 0o700 })
  const pds = await PDS.fromEnv({
    port: ports.pds,
    hostname: 'localhost',
    devMode: true,
    dataDirectory: folder.file('pds'),
    blobstoreDiskLocation: blobs,
    didPlcUrl: urls.plcUrl,
    serviceHandleDomains: ['.test'],
    adminPassword: secrets.pdsAdminPassword,
    jwtSecret: secrets.pdsJwtSecret,
    plcRotationKeyK256PrivateKeyHex: secrets.plcRotationKey,
    disableSsrfProtection: true,
    rateLimitsEnabled: rateLimits,
  })
  listenOnLoopback(pds.app)
  starting.defer(() => pds.destroy())
  await pds.start()

  const running = starting.move()
  return { ...urls, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

interface Listener {
  listen(port: number, host?: string): http.Server
}

/**
 * Both servers call `listen(port)`, which would open them to every network this machine is in. They are named
 * `localhost` in every DID, so other machines could not use them anyway.
 */
function listenOnLoopback(app: object): void {
  const listener = app as Listener & http.RequestListener
  // The server's own way to listen, which is also where it takes WebSockets: the firehose comes by one.
  const listen = listener.listen.bind(listener)
  listener.listen = (port) => listen(port, LOOPBACK)
}
