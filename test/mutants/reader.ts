/** Bugs of what reads stored documents: each takes something odd for a mood, for public, or for a time. */

import type { Mutant } from './mutant.ts'

const READER = ['src/domain/read-mood.test.ts', 'src/domain/mend.test.ts']
const ODD = ['test/integration/mongo-odd.test.ts']

export const OF_THE_READER: readonly Mutant[] = [
  {
    bug: 'reader: what is no flag is taken for “no”, so that a mood that is private by a word is public',
    file: 'src/domain/odd.ts',
    find: "return typeof value === 'boolean' ? value : this.fail(name, 'type', meaning(meantFlag(value)))",
    replace: 'return value === true',
    tests: READER,
  },
  {
    bug: 'reader: any word of an object that all objects have is a flag',
    file: 'src/domain/odd.ts',
    find: 'return text !== null && Object.hasOwn(MEANT_FLAGS, text) ? MEANT_FLAGS[text]! : null',
    replace: 'return text !== null && text in MEANT_FLAGS ? MEANT_FLAGS[text]! : null',
    tests: READER,
  },
  {
    bug: 'reader: a time of any year is one that a key can hold',
    file: 'src/domain/odd.ts',
    find: 'return Number.isInteger(ms) && ms >= TIMES.from && ms < TIMES.before',
    replace: 'return Number.isInteger(ms)',
    tests: READER,
  },
  {
    bug: 'reader: a time without a zone is taken for one of this machine',
    file: 'src/domain/odd.ts',
    find: '(Z|[+-]\\d\\d:?\\d\\d)$/',
    replace: '(Z|[+-]\\d\\d:?\\d\\d)?$/',
    tests: READER,
  },
  {
    bug: 'reader: seconds are taken for milliseconds',
    file: 'src/domain/odd.ts',
    find: 'number >= SURELY_MS && isTime(number)',
    replace: 'isTime(number)',
    tests: READER,
  },
  {
    bug: 'reader: a mood without a time is one of 1970',
    file: 'src/domain/read-mood.ts',
    find: "const when = fields.time('when')",
    replace: "const when = fields.timeOrNull('when') ?? 0",
    tests: READER,
  },
  {
    bug: 'reader: a deletion that is odd deletes nothing',
    file: 'src/domain/read-mood.ts',
    find: "const isDeleted = fields.flag('deleted')",
    replace: "const isDeleted = fields.raw('deleted') === true",
    tests: READER,
  },
  {
    bug: 'reader: a pending mood without a time at which it is due is work',
    file: 'src/domain/read-mood.ts',
    find: "if (state === 'pending' && dueAt === null) return atproto.fail('dueAt', 'missing')",
    replace: '',
    tests: READER,
  },
  {
    bug: 'reader: an empty name is a user',
    file: 'src/domain/read-mood.ts',
    find: "if (!isUserName(user)) return fields.fail('user', user === '' ? 'missing' : 'not_utf8')",
    replace: '',
    tests: READER,
  },
  {
    bug: 'reader: an id of any type is one',
    file: 'src/domain/odd.ts',
    find: "if (id.isOdd) fields.fail('_id', 'type')",
    replace: '',
    tests: READER,
  },
  {
    bug: 'reader: a page ends where odd documents fill it',
    file: 'src/store/mongo/reading.ts',
    find: 'if (found.length < limit || good.length === limit) return good',
    replace: 'return good',
    tests: ODD,
    store: 'mongodb',
  },
  {
    bug: 'reader: text of 24 hex digits is taken for the ObjectId of the same digits',
    file: 'src/store/mongo/ids.ts',
    find: 'text: !isOdd && NEEDS_PREFIX.test(text) ? TEXT + text : text, isOdd',
    replace: 'text, isOdd',
    tests: ODD,
    store: 'mongodb',
  },
  {
    bug: 'reader: of moods with one record key, all are published',
    file: 'src/store/mongo/reading.ts',
    find: 'return field === undefined || isOdd(reading) ? reading : twinMood(reading, field)',
    replace: 'return reading',
    tests: ['test/integration/mongo-twins.test.ts'],
    store: 'mongodb',
  },
  {
    bug: 'reader: a user who may only read writes',
    file: 'src/store/only-read.ts',
    find: 'if (reads.includes(name)) return value.bind(target) as unknown',
    replace: 'if (name) return value.bind(target) as unknown',
    tests: ['src/store/only-read.test.ts'],
  },
  {
    bug: 'a command waits for moods whose rows refuse every result',
    file: 'src/operate/refusals.ts',
    find: 'return left.length > 0 && left.every(({ id }) => refused.has(id))',
    replace: 'return left.length > 0 && left.every(({ id }) => id === user && refused.has(id))',
    tests: ['test/integration/mongo-odd-loops.test.ts'],
    store: 'mongodb',
  },
]
