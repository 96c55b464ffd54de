/** A second way into the embedded PDS of a data folder, with its firehose: another real PDS on the same files. */

import { PDS } from '@atproto/pds'
import { DataFolder } from '../../src/data-folder.ts'
import { freePort, LOOPBACK, networkUrls, storedPorts } from '../../src/embedded/ports.ts'

export interface SecondDoor extends AsyncDisposable {
  readonly url: string
}

/** @param path data folder of a server that runs */
export async function openSecondDoor(path: string): Promise<SecondDoor> {
  const folder = new DataFolder(path)
  const secrets = folder.secrets()
  const port = await freePort(LOOPBACK, 0, 'PDS_PORT')
  const pds = await PDS.fromEnv({
    port,
    hostname: 'localhost',
    devMode: true,
    dataDirectory: folder.file('pds'),
    blobstoreDiskLocation: folder.file('pds', 'blobs'),
    didPlcUrl: networkUrls(storedPorts(folder)!).plcUrl,
    serviceHandleDomains: ['.test'],
    adminPassword: secrets.pdsAdminPassword,
    jwtSecret: secrets.pdsJwtSecret,
    plcRotationKeyK256PrivateKeyHex: secrets.plcRotationKey,
    disableSsrfProtection: true,
    rateLimitsEnabled: false,
  })
  // Through the PDS's own `listen`: that is where it takes WebSockets.
  const app = pds.app as unknown as { listen(port: number, host?: string): unknown }
  const listen = app.listen.bind(app)
  app.listen = (at) => listen(at, LOOPBACK)
  await pds.start()
  return { url: `http://localhost:${port}`, [Symbol.asyncDispose]: () => pds.destroy() }
}
