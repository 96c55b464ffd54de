/** What MongoDB and its driver do that surprises, on a real replica set. */

import { randomUUID } from 'node:crypto'
import { type Collection, type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'

let client: MongoClient
let things: Collection

beforeAll(async () => {
  client = await new MongoClient(inject('mongo')!.uri).connect()
})
beforeEach(() => {
  things = client.db(`gotchas-${randomUUID().slice(0, 8)}`).collection('things')
  return () => client.db(things.dbName).dropDatabase()
})
afterAll(() => client.close())

interface Plan extends Document {
  readonly stage: string
  readonly inputStage?: Plan
}

async function stages(filter: Document): Promise<string[]> {
  const { queryPlanner } = (await things.find(filter).explain('queryPlanner')) as {
    queryPlanner: { winningPlan: Plan & { queryPlan?: Plan } }
  }
  const found: string[] = []
  const { winningPlan } = queryPlanner
  for (let plan: Plan | undefined = winningPlan.queryPlan ?? winningPlan; plan; plan = plan.inputStage) {
    found.push(plan.stage)
  }
  return found
}

describe('MongoDB', () => {
  it('matches a value inside a list as if it stood alone', async () => {
    await things.insertOne({ isPrivate: [false] })
    expect(await things.countDocuments({ isPrivate: false })).toBe(1)
  })

  it('matches null against a field that is not there', async () => {
    await things.insertMany([{ at: null }, {}])
    expect(await things.countDocuments({ at: null })).toBe(2)
  })

  it('compares only values of one type: a text is neither before nor after a date', async () => {
    await things.insertMany([{ when: new Date(0) }, { when: '1970-01-01' }])
    const at = new Date(1)
    expect(await things.countDocuments({ when: { $lt: at } })).toBe(1)
    expect(await things.countDocuments({ when: { $gte: at } })).toBe(0)
  })

  it('refuses to set a field below null', async () => {
    await things.insertOne({ _id: 'one' as never, atproto: null })
    const set = things.updateOne({ _id: 'one' as never }, { $set: { 'atproto.state': 'pending' } })
    await expect(set).rejects.toThrow(/Cannot create field 'state' in element \{atproto: null\}/)
  })

  it('drops the fields that replaceOne does not name', async () => {
    await things.insertOne({ _id: 'one' as never, mood: 'calm', theirs: 'kept by someone else' })
    await things.replaceOne({ _id: 'one' as never }, { mood: 'calm' })
    expect(await things.findOne()).toEqual({ _id: 'one', mood: 'calm' })
  })

  it('counts what a bulk write matched, and does not name it', async () => {
    await things.insertMany([{ version: 1 }, { version: 2 }])
    const result = await things.bulkWrite(
      [1, 3].map((version) => ({ updateOne: { filter: { version }, update: { $set: { done: true } } } })),
    )
    expect(result.matchedCount).toBe(1)
    expect(JSON.stringify(result)).not.toContain('"done"')
  })

  it('ignores a partial index by type for an equality, and uses one by existence', async () => {
    await things.createIndex({ state: 1 }, { partialFilterExpression: { state: { $type: 'string' } }, name: 'typed' })
    await things.insertOne({ state: 'pending' })
    expect(await stages({ state: 'pending' })).toContain('COLLSCAN')
    await things.createIndex({ state: 1 }, { partialFilterExpression: { state: { $exists: true } }, name: 'existing' })
    expect(await stages({ state: 'pending' })).toContain('IXSCAN')
  })
})
