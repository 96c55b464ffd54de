/**
 * Posts one mood for each of several users at the same time, as a server does, and prints which were answered. It dies by
 * SIGKILL at a step, if one is named: what it asks of the database (`insert moods`), and when (`asked`, `sent`, `answered`).
 *
 * node test/support/poster.ts URI DATABASE USERS ROUND [STEP WHEN]
 */

import { MongoClient } from 'mongodb'
import { writeSync } from 'node:fs'
import { Moods } from '../../src/moods.ts'
import type { RepoClient } from '../../src/ports/pds.ts'
import { openMongo } from '../../src/store/mongo/index.ts'

const [uri = '', database = '', users = '', round = '', step = '', when = ''] = process.argv.slice(2)

let isPosting = false
const asked = new Map<number, string>()

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function watch(client: MongoClient): void {
  client.on('commandStarted', ({ requestId, commandName, command }) => {
    const name = `${commandName} ${String(command[commandName])}`
    asked.set(requestId, name)
    if (!isPosting || name !== step) return
    if (when === 'asked') die()
    if (when === 'sent') setImmediate(die)
  })
  client.on('commandSucceeded', ({ requestId }) => {
    if (isPosting && asked.get(requestId) === step && when === 'answered') die()
  })
}

/** The store keeps its client to itself. */
const connect = Reflect.get(MongoClient.prototype, 'connect')
MongoClient.prototype.connect = function (this: MongoClient) {
  watch(this)
  return connect.call(this)
}

const store = await openMongo({ uri, database }, 'http://pds.test', { monitorCommands: true })
const clock = { now: () => Date.now(), agreed: async () => Date.now() }
const marks: Promise<void>[] = []
const moods = new Moods({
  store,
  client: {} as RepoClient,
  clock,
  nudge: (user) => void marks.push(store.repos.mark(user, Date.now())),
  changed: () => {},
  softDeleteRecords: 'withdraw',
})

async function postAll(text: string): Promise<void> {
  await Promise.all(
    Array.from({ length: Number(users) }, async (_, i) => {
      const { mood } = await moods.post(`user-${i}`, { mood: text })
      writeSync(1, `${mood.id}\n`)
    }),
  )
  await Promise.all(marks)
}

// The first finds out how the server looks for last moods.
await postAll(`${round}, the first`)
isPosting = true
await postAll(round)
await store[Symbol.asyncDispose]()
