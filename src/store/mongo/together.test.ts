import { MongoNetworkError } from 'mongodb'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Together } from './together.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** Requests that are answered when the test says so, in the order in which they were sent. */
function requests() {
  const sent: { readonly items: readonly string[]; readonly end: (error?: Error) => void }[] = []
  const together = new Together<string, string>(
    (items) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error ? reject(error) : resolve(items.map((item) => item.toUpperCase())))
        sent.push({ items, end })
      }),
  )
  return { together, sent, items: () => sent.map((request) => request.items.join('')) }
}

it('what is asked for together shares a request, and each is answered with its own', async () => {
  const { together, sent, items } = requests()
  const answers = Promise.all(['a', 'b', 'c'].map((item) => together.ask(item)))
  await setImmediate()
  expect(items()).toEqual(['abc'])
  sent[0]!.end()
  expect(await answers).toEqual(['A', 'B', 'C'])
})

it('while a request is on its way, what is asked for gathers for the next', async () => {
  const { together, sent, items } = requests()
  const answers: Promise<string>[] = []
  for (const item of ['a', 'b', 'c']) {
    answers.push(together.ask(item))
    await setImmediate()
  }
  expect(items()).toEqual(['a'])
  sent[0]!.end()
  await setImmediate()
  expect(items()).toEqual(['a', 'bc'])
  sent[1]!.end()
  expect(await Promise.all(answers)).toEqual(['A', 'B', 'C'])
})

it('nobody waits for a request that hangs', async () => {
  const { together, sent, items } = requests()
  void together.ask('a')
  await setImmediate()
  const waiting = together.ask('b')
  vi.advanceTimersByTime(199)
  expect(items()).toEqual(['a'])
  vi.advanceTimersByTime(1)
  expect(items()).toEqual(['a', 'b'])
  sent[1]!.end()
  expect(await waiting).toBe('B')
  // The first one hangs still, and holds up nobody else.
  const next = together.ask('c')
  await setImmediate()
  expect(items()).toEqual(['a', 'b', 'c'])
  sent[2]!.end()
  expect(await next).toBe('C')
})

it('more than fit into one request are sent in several', async () => {
  const { together, sent } = requests()
  const answers = Promise.all(Array.from({ length: 1001 }, (_, i) => together.ask(`${i}`)))
  for (let i = 0; i < 3; i++) {
    await setImmediate()
    vi.advanceTimersByTime(200)
    sent[i]!.end()
  }
  expect(await answers).toHaveLength(1001)
  expect(sent.map((request) => request.items.length)).toEqual([500, 500, 1])
})

it('where the database does not answer, each is told so', async () => {
  const { together, sent } = requests()
  const answers = Promise.allSettled([together.ask('a'), together.ask('b')])
  await setImmediate()
  sent[0]!.end(new MongoNetworkError('gone'))
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(sent).toHaveLength(1)
})

it('for any other reason each is asked by itself, and only the one at fault fails', async () => {
  const asked: string[] = []
  const together = new Together<string, string>(async (items) => {
    asked.push(items.join(''))
    if (items.includes('b')) throw new TypeError('b cannot be asked')
    return items.map((item) => item.toUpperCase())
  })
  const answers = await Promise.allSettled(['a', 'b', 'c'].map((item) => together.ask(item)))
  expect(asked).toEqual(['abc', 'a', 'b', 'c'])
  expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : 'failed'))).toEqual([
    'A',
    'failed',
    'C',
  ])
})
