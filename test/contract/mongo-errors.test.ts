import { MongoNetworkError, MongoServerError } from 'mongodb'
import { expect, it } from 'vitest'
import { translated } from '../../src/store/mongo/errors.ts'

const unavailable = expect.objectContaining({ code: 'unavailable' })

it('what will pass is “unavailable”, also where the driver lets the operating system’s own word through', () => {
  // Seen when a primary was killed while requests were on their way to it.
  const ended = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' })
  expect(translated(ended)).toEqual(unavailable)
  expect(translated(new MongoNetworkError('gone'))).toEqual(unavailable)
  expect(translated(new MongoServerError({ message: 'not primary', code: 10107 }))).toEqual(unavailable)
})

it('what will not pass stays what it is', () => {
  const wrong = new MongoServerError({ message: 'bad query', code: 2 })
  expect(translated(wrong)).toBe(wrong)
  const defect = new TypeError('x is not a function')
  expect(translated(defect)).toBe(defect)
})
