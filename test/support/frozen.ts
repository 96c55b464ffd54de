/** A host that is frozen: it accepts connections, and never answers. */

import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

export interface FrozenHost extends AsyncDisposable {
  readonly url: string
}

/** @param onConnection called for each connection */
export async function frozenHost(onConnection: () => void = () => {}): Promise<FrozenHost> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
