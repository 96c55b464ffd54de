/** A real DNS server with a zone of one's own, for commands that are told which server to ask. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Answers for TXT records (RFC 1035), and that there is no such name for all that is not in the zone. */
export async function startDns(zone: Readonly<Record<string, readonly string[]>>) {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const labels: string[] = []
    let at = 12
    for (; query[at] !== 0; at += query[at]! + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!))
    const question = query.subarray(12, at + 5)
    const texts = zone[labels.join('.')]
    const answers = (texts ?? []).map((text) => {
      const data = Buffer.from(text)
      // A pointer to the name in the question, TXT, IN, 0 seconds, length, and one string.
      const head = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, data.length + 1, data.length])
      return Buffer.concat([head, data])
    })
    const flags = texts ? [0x84, 0x00] : [0x84, 0x03]
    const header = Buffer.from([query[0]!, query[1]!, ...flags, 0, 1, 0, answers.length, 0, 0, 0, 0])
    socket.send(Buffer.concat([header, question, ...answers]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: async () => {
      socket.close()
      await once(socket, 'close')
    },
  }
}
