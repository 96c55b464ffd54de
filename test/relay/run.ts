/**
 * Written and visible, told apart on the real relay. It follows a real PDS and admits one account of it: what the first author
 * posts is visible, what the second one posts is written and not visible, and the product says so.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { pino } from 'pino'
import type { Sighting } from '../../src/domain/sighting.ts'
import { Events } from '../../src/observe/events.ts'
import { RelayWatch } from '../../src/operate/relay-watch.ts'
import { temporaryFolder } from '../support/installation.ts'
import { runMoods } from '../support/process.ts'
import { signedUpSite } from '../support/signed-up.ts'
import { findRelay } from './build.ts'

const say = (line: string): void => console.log(line)
const found = findRelay(say)
assert.ok('path' in found)

await using stack = new AsyncDisposableStack()
const folder = stack.use(await temporaryFolder())
const [port, metrics] = [await freePort(), await freePort()]
const url = `http://127.0.0.1:${port}`
const site = stack.use(
  await signedUpSite([], {
    env: { RELAYS: url, RELAY_ACCOUNT_LIMIT: '1' },
    overrides: { log: pino({ level: 'silent' }) },
  }),
)
const { app } = site
const hostname = new URL(app.pdsUrl).host
const database = `${folder.path}/relay.sqlite`

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return free
}

/** Starts the relay, and waits until it answers. */
async function startRelay(path: string): Promise<AsyncDisposable> {
  const args = [
    '--plc-host',
    app.plcUrl,
    '--admin-password',
    'secret',
    'serve',
    '--db-url',
    `sqlite://${database}`,
    '--persist-dir',
    `${folder.path}/persist`,
    '--bind',
    `127.0.0.1:${port}`,
    '--metrics-listen',
    `127.0.0.1:${metrics}`,
    '--default-account-limit',
    '1',
    '--allow-insecure-hosts',
  ]
  const child = spawn(path, args, { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const ended = once(child, 'exit')
  await until('the relay answers', async () => {
    assert.equal(child.exitCode, null, `the relay has ended: ${log.slice(-2_000)}`)
    return (await fetch(`${url}/xrpc/_health`).catch(() => null))?.ok ?? false
  })
  return {
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}

/** Asks again and again, for half a minute. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const started = performance.now()
  while (!(await holds())) {
    if (performance.now() - started > 30_000) throw new Error(`in vain: ${what}`)
    await setTimeout(50)
  }
  say(`ok: ${what} (${Math.round(performance.now() - started)} ms)`)
}

async function relaysWord(did: string): Promise<{ readonly did?: string; readonly rev?: string }> {
  const answer = await fetch(`${url}/xrpc/com.atproto.sync.getRepoStatus?did=${did}`)
  return (await answer.json()) as { readonly did?: string; readonly rev?: string }
}

const watch = new RelayWatch({
  ...app,
  urls: [url],
  owner: 'test',
  events: new Events(pino({ level: 'silent' })),
})

/** What a worker finds out now. */
async function seen(user: string): Promise<Sighting> {
  await app.store.sightings.forget(user)
  await watch.look(new AbortController().signal)
  return (await app.store.sightings.of([user])).get(user)![0]!
}

async function signUpAndPost(user: string, handle: string): Promise<string> {
  await app.accounts.signUp(user, handle)
  await app.moods.post(user, { mood: `hello from ${handle}` })
  await app.engine.drain()
  return (await app.store.accounts.byUser(user))!.did!
}

/** What a command prints. */
async function command(...args: string[]): Promise<string> {
  const { stdout, stderr } = await runMoods(args, site.env)
  return `${stdout}${stderr}`
}

mkdirSync(`${folder.path}/persist`)
{
  await using _ = await startRelay(found.path)
  assert.match(await command('doctor'), /does not know the PDS: nothing that is published is visible there/)
  say('ok: doctor says that the relay does not know the PDS')
  // Nobody outside of the machine may have a relay follow `localhost`.
  const crawl = await command('relays', 'crawl', '--execute')
  assert.match(crawl, /does not know http:\/\/localhost:\d+; it refuses to crawl it: it answered with 400/)
  say('ok: a refused request to crawl is told')
}
// Its administrator may neither, since it checks each host over the public network; so the host is put where it looks for hosts.
const db = new Database(database)
db.prepare(
  `INSERT INTO host (created_at, updated_at, hostname, no_ssl, account_limit, trusted, status, last_seq, account_count)
  VALUES (datetime(), datetime(), ?, 1, 1, 0, 'active', -1, 0)`,
).run(hostname)
db.close()

await using _ = await startRelay(found.path)
await until('the relay follows the PDS', async () => {
  const answer = await fetch(`${url}/admin/subs/getUpstreamConns`, {
    headers: { authorization: `Basic ${btoa('admin:secret')}` },
  })
  return JSON.stringify(await answer.json()).includes(hostname)
})

const alice = await signUpAndPost('u1', 'alice')
await until('the relay has the first author’s post', async () => {
  const newest = await fetch(`${app.pdsUrl}/xrpc/com.atproto.sync.getLatestCommit?did=${alice}`)
  const { rev } = (await newest.json()) as { readonly rev: string }
  return (await relaysWord(alice)).rev === rev
})
const visible = await seen('u1')
assert.equal(visible.standing, 'visible')
assert.equal(visible.rev, visible.pdsRev)
say(`ok: the first author is visible, at the revision of the PDS (${visible.rev})`)

const bob = await signUpAndPost('u2', 'bobby')
await until('the relay has heard of the second author', async () => (await relaysWord(bob)).did === bob)
const throttled = await seen('u2')
assert.equal(throttled.standing, 'throttled')
say('ok: the second author is throttled, since the relay admits one account')

assert.match(await command('show', '@bobby'), /is written and not visible: the relay has the account, and throttles it/)
assert.match(await command('show', '@alice'), /what is published is visible on/)
const status = await command('status')
assert.match(status, /1 visible, 1 throttled/)
assert.match(status, /a relay does not show 1 of 2 accounts/)
assert.match(await command('audit'), /visible {8}1 of 2 accounts/)
assert.match(
  await command('doctor'),
  /with 2 accounts of the 1 that it admits \(RELAY_ACCOUNT_LIMIT\): those that came last/,
)
say('ok: show, status, audit and doctor say so')
say('Written and visible are told apart on the real relay.')
