/**
 * A link like one across a country, as a process of its own: what it carries arrives later, and no faster than the link is
 * wide. `node bench/link.ts TARGET_URL ROUND_TRIP_MS MBIT_PER_SECOND` prints `{"url": …}`.
 */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

const [target, roundTrip, width] = process.argv.slice(2) as [string, string, string]
const { hostname, port } = new URL(target)
const delayMs = Number(roundTrip) / 2
const bytesAMs = (Number(width) * 1e6) / 8 / 1000

/** One direction, shared by all connections. */
class Lane {
  #freeAt = 0

  /** @returns when the last of these bytes arrives, in ms of `performance.now()` */
  take(bytes: number): number {
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + bytes / bytesAMs
    return this.#freeAt + delayMs
  }
}

/** So much may be on its way before more is read. */
const WINDOW = 1_000_000

/** @param openAt before this, nothing arrives: a connection takes a round trip to be made */
function carry(from: Socket, to: Socket, lane: Lane, openAt: number): void {
  const onWay: { readonly at: number; readonly chunk: Buffer | null }[] = []
  let bytes = 0
  const deliver = (): void => {
    for (let next = onWay[0]; next && next.at <= performance.now(); next = onWay[0]) {
      onWay.shift()
      if (next.chunk === null) return void to.end()
      to.write(next.chunk)
      bytes -= next.chunk.length
      from.resume()
    }
    if (onWay[0]) setTimeout(deliver, onWay[0].at - performance.now())
  }
  const send = (chunk: Buffer | null): void => {
    onWay.push({ at: Math.max(openAt, lane.take(chunk?.length ?? 0)), chunk })
    if (onWay.length === 1) setTimeout(deliver, onWay[0]!.at - performance.now())
  }
  from.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > WINDOW) from.pause()
    send(chunk)
  })
  from.on('end', () => send(null))
  from.on('error', () => to.destroy())
}

const [there, back] = [new Lane(), new Lane()]
const server = createServer((near) => {
  const far = connect(Number(port), hostname)
  for (const socket of [near, far]) socket.setNoDelay(true)
  carry(near, far, there, performance.now() + Number(roundTrip))
  carry(far, near, back, 0)
})
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
})
