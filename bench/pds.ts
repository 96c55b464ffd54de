/** The real PDS in a process of its own, so that it and what is measured do not share one thread. */

import { DataFolder } from '../src/data-folder.ts'
import { startNetwork } from '../src/embedded/network.ts'
import { choosePorts } from '../src/embedded/tcp-ports.ts'

const folder = new DataFolder(process.argv[2]!)
folder.checkWritable()
const ports = await choosePorts(folder, { pds: 0, plc: 0 })
const secrets = folder.secrets()
const network = await startNetwork({ folder, ports, secrets, rateLimits: false })
const { pdsUrl, plcUrl } = network
console.log(JSON.stringify({ pdsUrl, plcUrl, adminPassword: secrets.pdsAdminPassword }))
