import { MongoNetworkError, MongoServerError } from 'mongodb'
import { expect, it } from 'vitest'
import { takenKey, translated, UNNAMED_KEY } from '../../src/store/mongo/errors.ts'

const unavailable = expect.objectContaining({ code: 'unavailable' })

it('what will pass is “unavailable”, also where the driver lets the operating system’s own word through', () => {
  // Seen when a primary was killed while requests were on their way to it.
  const ended = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' })
  expect(translated(ended)).toEqual(unavailable)
  expect(translated(new MongoNetworkError('gone'))).toEqual(unavailable)
  expect(translated(new MongoServerError({ message: 'not primary', code: 10107 }))).toEqual(unavailable)
})

const lacks = (what: string): unknown =>
  expect.objectContaining({
    code: 'config',
    message: `the user of MONGODB_URI lacks ${what}: docs/guides/mongodb-users.md says what to grant`,
  })

it.each([
  [
    13,
    'not authorized on a to execute command { insert: "moods", documents: [ { mood: "mine" } ] }',
    'the right to insert in moods',
  ],
  [
    13,
    'not authorized on a to execute command { update: "mood-repos", $db: "a" }',
    'the right to update in mood-repos',
  ],
  // Atlas, DocumentDB, Cosmos DB.
  [8000, 'user is not allowed to do action [insert] on [a.@handles]', 'the right to insert in @handles'],
  [13, 'Authorization failure', 'a right that this needs'],
  [2, '(Unauthorized) The input authorization token cannot serve the request', 'a right that this needs'],
])('a right that is missing is named, and the rest of the message is not: %s “%s”', (code, message, right) => {
  expect(translated(new MongoServerError({ message, code }))).toEqual(lacks(right))
})

it.each([
  [18, 'Authentication failed.'],
  [8000, 'bad auth : Authentication failed.'],
  [13, 'Command find requires authentication'],
  [13, 'Not Authenticated. ConnectionId 1'],
])('whom the server does not know is told so: %s “%s”', (code, message) => {
  expect(translated(new MongoServerError({ message, code }))).toMatchObject({
    code: 'config',
    message: 'MongoDB does not take the user and password of MONGODB_URI',
  })
})

it('what a document holds makes no missing right', () => {
  const message = 'not authorized on a'
  const taken = new MongoServerError({ message, code: 11000 })
  expect(translated(taken)).toBe(taken)
})

it('what will not pass stays what it is', () => {
  const wrong = new MongoServerError({ message: 'bad query', code: 2 })
  expect(translated(wrong)).toBe(wrong)
  const defect = new TypeError('x is not a function')
  expect(translated(defect)).toBe(defect)
})

it.each([
  // MongoDB 4.2 and later, a MongoDB before that, and one before 3.2.
  ['E11000 duplicate key error collection: a.moods index: moods_numbered dup key: { user: "x" }', 'atproto.ordinal'],
  ['E11000 duplicate key error collection: a.moods index: moods_keyed dup key: { : "x", : "3k" }', 'atproto.rkey'],
  [
    'insertDocument :: caused by :: 11000 E11000 duplicate key error index: a.moods.$moods_keyed dup key: {}',
    'atproto.rkey',
  ],
  // Amazon DocumentDB.
  ['E11000 duplicate key error collection: a.mood-erasures index: erasures_by_user', 'user'],
  ['E11000 duplicate key error collection: a.@handles index: handles_of_users', 'handle'],
  ['E11000 duplicate key error collection: a.users index: _id_', '_id'],
  // Azure Cosmos DB, two versions.
  ['E11000 duplicate key error collection: a.moods Failed _id or unique key constraint', UNNAMED_KEY],
  ['E11000 duplicate key error collection: a.moods. Failed _id or unique index constraint.', UNNAMED_KEY],
  [
    'E11000 duplicate key error collection: a.moods index: of_somebody_else dup key: { x: "index: moods_keyed" }',
    UNNAMED_KEY,
  ],
])('what was taken is read from “%s”: %s', (message, taken) => {
  expect(takenKey(new MongoServerError({ message, code: 11000 }))).toBe(taken)
})

it('what was taken is what the server says it is, and nothing for other errors', () => {
  const message = 'E11000 duplicate key error collection: a.moods index: moods_numbered dup key: {}'
  const keyPattern = { user: 1, 'atproto.rkey': 1 }
  expect(takenKey(new MongoServerError({ message, code: 11000, keyPattern }))).toBe('atproto.rkey')
  expect(takenKey(new MongoServerError({ message, code: 2 }))).toBeNull()
  expect(takenKey(new Error(message))).toBeNull()
})
