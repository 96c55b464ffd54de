/** The primary in a database of MongoDB. */

import { type Document, MongoClient, ObjectId } from 'mongodb'
import type { Primary, PrimaryErasure, PrimaryMood, PrimaryProof } from './primary.ts'

export function mongoPrimary(uri: string, database: string): Primary {
  async function withDb<T>(use: (db: ReturnType<MongoClient['db']>) => Promise<T>): Promise<T> {
    const client = await new MongoClient(uri).connect()
    try {
      return await use(client.db(database))
    } finally {
      await client.close()
    }
  }
  return {
    moods: () =>
      withDb(async (db) => {
        const users = await db.collection<{ _id: string; atproto?: Document }>('users').find().toArray()
        const dids = new Map(users.map(({ _id, atproto }) => [_id, (atproto?.['did'] as string | null) ?? null]))
        const moods = await db.collection('moods').find().toArray()
        return moods.map((mood) => toPrimaryMood(mood, dids.get(mood['user'] as string) ?? null))
      }),
    dids: () => withDb((db) => db.collection('users').distinct('atproto.did', { 'atproto.did': { $ne: null } })),
    accounts: () =>
      withDb(async (db) => {
        const users = db.collection<{ _id: string; atproto?: Document }>('users').find({ atproto: { $ne: null } })
        return (await users.toArray()).map(({ _id, atproto }) => ({
          user: _id,
          did: (atproto?.['did'] as string | null) ?? null,
          state: String(atproto?.['state']),
          error: ((atproto?.['error'] as Document | null)?.['code'] as string | undefined) ?? null,
        }))
      }),
    erasures: () =>
      withDb(async (db) => {
        const documents = db.collection<{ _id: string; done: PrimaryErasure['done'] }>('mood-erasures').find()
        return (await documents.toArray()).map(({ _id, done }) => ({ receipt: _id, done }))
      }),
    proofs: () =>
      withDb(async (db) => {
        const audits = db.collection<{ _id: string; good: Omit<PrimaryProof, 'user'> | null }>('mood-audits').find()
        return (await audits.toArray()).flatMap(({ _id, good }) => {
          return good === null ? [] : [{ user: _id, findings: good.findings, proof: good.proof }]
        })
      }),
    everything: () =>
      withDb(async (db) => {
        const names = (await db.listCollections().toArray()).map(({ name }) => name)
        return JSON.stringify(await Promise.all(names.map((name) => db.collection(name).find().toArray())))
      }),
    damage: (id, { text, isPrivate, unlinked }) =>
      withDb(async (db) => {
        const { matchedCount } = await db.collection('moods').updateOne(
          { _id: new ObjectId(id) },
          {
            $set: {
              'atproto.state': 'pending',
              'atproto.dueAt': new Date(0),
              ...(text === undefined ? {} : { mood: text }),
              ...(isPrivate === undefined ? {} : { isPrivate }),
              ...(unlinked ? { 'atproto.uri': null, 'atproto.cid': null } : {}),
            },
            $inc: { 'atproto.version': 1 },
          },
        )
        if (matchedCount !== 1) throw new Error(`there is no mood ${id}`)
      }),
    spoil: (id) =>
      withDb(async (db) => {
        await db.collection('moods').updateOne({ _id: new ObjectId(id) }, { $set: { isPrivate: [7] } })
      }),
  }
}

function toPrimaryMood(mood: Document, did: string | null): PrimaryMood {
  const atproto = (mood['atproto'] ?? {}) as Document
  return {
    id: String(mood['_id']),
    user: mood['user'] as string,
    text: mood['mood'] as string,
    when: (mood['when'] as Date).getTime(),
    intensity: (mood['intensity'] as number | undefined) ?? null,
    context: (mood['context'] as string | undefined) ?? null,
    isPrivate: mood['isPrivate'] === true,
    deleted: mood['deleted'] === true,
    deletedRecords: (atproto['deletion'] as { records: string } | null | undefined)?.records ?? null,
    state: (atproto['state'] as string | undefined) ?? 'local',
    rkey: atproto['rkey'] as string,
    cid: (atproto['cid'] as string | null | undefined) ?? null,
    did,
  }
}
