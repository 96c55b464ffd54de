/** Rows of SQLite as nobody should have written them, and an oracle, without code of the product, of which are good. */

import type Database from 'better-sqlite3'
import { STANDINGS } from '../../src/domain/sighting.ts'
import { isObject, isWhole } from './odd.ts'

/** Bytes that are half of a surrogate pair, and no UTF-8. */
const NOT_UTF8 = Buffer.from([0xed, 0xa0, 0xbd])

const INTEGERS: readonly unknown[] = [
  null,
  -9e15,
  -1,
  0,
  1,
  2,
  7,
  11,
  1e12,
  9_007_199_254_740,
  253_402_300_799_000,
  9_007_199_254_740_991,
  9_223_372_036_854_775_807n,
  -9_223_372_036_854_775_808n,
]
const REALS: readonly unknown[] = [null, -1, 0.5, 100, 1e300]
const TEXTS: readonly unknown[] = [
  null,
  '',
  ' ',
  'x',
  'a/b',
  'zzz',
  'pending',
  'ready',
  'nuke',
  'keep',
  'backfill',
  'did:plc:x',
  'did',
  'plain:secret',
  'ftp://x',
  'https://name:word@pds.test/a?b',
  'https://',
  'null',
  '{}',
  '[]',
  '7',
  '"x"',
  '{"a":',
  '[1]',
  '{"code":5,"message":[],"at":"x"}',
  '{"good":7}',
  '{"stopped":{"at":-1}}',
  '{"windows":7}',
  '\u0000',
  '\uFEFFx',
  'long '.repeat(60),
  NOT_UTF8,
]

export type Row = Readonly<Record<string, unknown>>

/** What can be written into a column, past all checks. */
export function valuesFor(type: string): readonly unknown[] {
  return type === 'INTEGER' ? INTEGERS : type === 'REAL' ? REALS : TEXTS
}

/** Columns of a table with their types. */
export function columnsOf(db: Database.Database, table: string): readonly { name: string; type: string }[] {
  return db.pragma(`table_info(${table})`) as { name: string; type: string }[]
}

/** From here on this database takes everything that SQLite itself lets in, as it takes rows of a dump. */
export function withoutRules(db: Database.Database): void {
  db.pragma('ignore_check_constraints = ON')
  const triggers = db.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`).pluck().all()
  for (const trigger of triggers) db.exec(`DROP TRIGGER ${trigger}`)
}

/** What makes the rules of this database again. */
export function rulesOf(db: Database.Database): string {
  const rules = db.prepare<[], string>(`SELECT sql FROM sqlite_schema WHERE type = 'trigger'`).pluck().all()
  return rules.join(';')
}

/** Writes a row as it is, past all checks. @returns false where SQLite refuses it all the same */
export function forced(db: Database.Database, table: string, row: Row): boolean {
  withoutRules(db)
  return inserted(db, table, row)
}

/** Writes a row. @returns false where it is refused for what it holds */
export function inserted(db: Database.Database, table: string, row: Row): boolean {
  const names = Object.keys(row)
  const values = names.map((name) => (Buffer.isBuffer(row[name]) ? 'CAST(? AS TEXT)' : '?'))
  try {
    db.prepare(`INSERT INTO ${table} (${names.join()}) VALUES (${values.join()})`).run(Object.values(row))
    return true
  } catch (error) {
    if (/constraint|datatype|may not hold this/.test(String(error))) return false
    throw error
  }
}

/** Text of a row, by its bytes: whether they are UTF-8. */
const isUtf8 = (value: unknown): value is string | Buffer =>
  typeof value === 'string' || (Buffer.isBuffer(value) && Buffer.from(value.toString()).equals(value))
const isName = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\uFFFD')
const isNone = (value: unknown): boolean => value === null
const isBit = (value: unknown): boolean => value === 0 || value === 1
/** Up to the last one that a TID can hold. */
const isTime = (value: unknown): boolean => isWhole(value, 0, 9_007_199_254_740)
const oneOf =
  (...words: readonly string[]) =>
  (value: unknown) =>
    words.includes(value as string)
const count = (value: unknown, least = 0): boolean => isWhole(value, least)

const NO_JSON = Symbol('no JSON')
function json(text: unknown): unknown {
  try {
    return JSON.parse(text as string)
  } catch {
    return NO_JSON
  }
}
const isError = (text: unknown): boolean => {
  const said = isNone(text) ? null : json(text)
  return isNone(said) || (isObject(said) && isName(said['code']) && isUtf8(said['message']) && count(said['at']))
}

type Judge = Readonly<Record<string, (value: unknown, row: Row) => boolean>>

const anything = (): boolean => true
const orNone = (judge: (value: unknown) => boolean) => (value: unknown) => isNone(value) || judge(value)

/** What each column may hold. */
const GOOD: Readonly<Record<string, Judge>> = {
  moods: {
    id: (value) => isName(value) && (value as string).length <= 512,
    user: isName,
    ordinal: (value) => count(value),
    text: isUtf8,
    when_ms: isTime,
    intensity: orNone((value) => isWhole(value, 1, 10)),
    context: orNone(isUtf8),
    is_private: isBit,
    deleted: isBit,
    deleted_by: (value, row) => isNone(value) || (row['deleted'] === 1 && oneOf('author', 'nuke')(value)),
    deleted_records: (value, row) => isNone(row['deleted_by']) || oneOf('withdraw', 'keep')(value),
    version: (value) => count(value),
    changed_at: isTime,
    state: oneOf('local', 'pending', 'published', 'withdrawn', 'rejected'),
    rkey: anything,
    uri: anything,
    cid: anything,
    due_at: (value, row) => isTime(value) || (isNone(value) && row['state'] !== 'pending'),
    attempts: (value) => count(value),
    hold: orNone(oneOf('no_account', 'private', 'federation_off', 'kept', 'backfill')),
    error: isError,
    first_published: orNone(isTime),
    published_directly: (value, row) => isNone(row['first_published']) || isNone(value) || isBit(value),
  },
  handles: {
    user: isName,
    handle: (value) => isName(value) && (value as string).length <= 100 && value !== '\u0000',
  },
  accounts: {
    user: isName,
    version: (value) => count(value),
    state: (value, row) => oneOf('pending', 'needs_attention')(value) || (value === 'ready' && !isNone(row['did'])),
    handle: anything,
    pds_handle: orNone(isName),
    candidate: (value) => count(value),
    did: orNone((value) => /^did:[a-z]+:\S+$/.test(value as string) && isName(value)),
    pds: (value, row) => (isNone(value) ? isNone(row['did']) : /^https?:\/\/./.test(value as string)),
    sealed_password: orNone(isName),
    sealed_session: anything,
    requeue: isBit,
    error: isError,
    former: (value) => isNone(value) || value === 'null' || value === '[]',
  },
  repos: {
    user: isName,
    due_at: orNone(isTime),
    due_set_at: isTime,
    marks: (value) => count(value),
    failures: (value) => count(value),
    uncertain: isBit,
    quarantine_until: isTime,
    destructive: isBit,
    lease_token: (value, row) => isName(value) || (isNone(value) && row['lease_until'] === 0),
    lease_owner: anything,
    lease_until: isTime,
  },
  intents: {
    user: isName,
    kind: oneOf('nuke', 'restore'),
    records: oneOf('withdraw', 'keep'),
    through: (value) => count(value),
  },
  erasures: {
    receipt: isName,
    user: orNone(isName),
    tombstone: isName,
    requested_at: isTime,
    done: (value, row) => value === STOPPED && !isNone(row['user']),
    version: (value) => count(value, 1),
    trouble: (value) => isNone(value) || value === 'null',
  },
  removals: {
    user: isName,
    rkey: (value) => /^[\w.:~-]+$/.test(value as string) && !isNone(value) && isName(value),
    cid: isName,
  },
  policy: {
    name: isName,
    mode: oneOf('off', 'allow', 'percent', 'on'),
    percent: (value) => typeof value === 'number' && value >= 0 && value <= 100,
    allow: (value) => Array.isArray(json(value)) && (json(value) as unknown[]).every(isName),
    set_by: (value) => typeof value === 'string' || Buffer.isBuffer(value),
    set_at: isTime,
    reason: anything,
    version: (value) => count(value, 1),
  },
  ledger: {
    key: isName,
    entry: (value) => value === LEDGER_ENTRY,
  },
  audits: {
    user: isName,
    // One that says nothing of a look is of a repo that was never looked at.
    audit: (value) =>
      value === 'null' || (isObject(json(value)) && !['good', 'at'].some((name) => name in (json(value) as Row))),
  },
  sightings: {
    user: isName,
    relay: isName,
    did: isName,
    at: isTime,
    standing: oneOf(...STANDINGS),
    rev: orNone(isName),
    pds_rev: orNone(isName),
    due_at: isTime,
  },
  workers: {
    id: isName,
    worker: (value) => value === WORKER,
  },
}

/** What every erasure has done from its start. */
const STOPPED = '{"stopped":{"at":5,"needed":true}}'
const LEDGER_ENTRY = '{"windows":[],"blockedUntil":0,"failures":1}'
const WORKER =
  '{"host":"h","pid":5,"role":"all","version":"1","since":1700000000000,"at":1700000000000,"policyVersion":null}'

/** Whether all columns of a row hold what they may; text that was written as bytes is judged by them. */
export function isGoodRow(table: string, row: Row): boolean {
  return Object.entries(GOOD[table]!).every(([column, judge]) => judge(row[column], row))
}

/** One good row of each table. @param n makes its keys its own */
export function goodRow(table: string, n: number): Row {
  const user = `u${String(n).padStart(6, '0')}`
  const rows: Readonly<Record<string, Row>> = {
    moods: {
      id: `m${user}`,
      user,
      ordinal: 1,
      text: `mood ${n}`,
      when_ms: 17e11 + n,
      intensity: null,
      context: null,
      is_private: 0,
      deleted: 0,
      deleted_by: null,
      deleted_records: null,
      version: 1,
      changed_at: 17e11,
      state: 'local',
      rkey: `k${user}`,
      uri: null,
      cid: null,
      due_at: null,
      attempts: 0,
      hold: 'no_account',
      error: null,
      first_published: null,
      published_directly: null,
    },
    handles: { user, handle: `person-${n}` },
    accounts: {
      user,
      version: 1,
      state: 'ready',
      handle: `person-${n}`,
      pds_handle: `person-${n}.test`,
      candidate: 0,
      did: `did:plc:${user}`,
      pds: 'https://pds.test',
      sealed_password: 'sealed',
      sealed_session: null,
      requeue: 1,
      error: null,
      former: null,
    },
    repos: {
      user,
      due_set_at: 0,
      due_at: 17e11,
      marks: 1,
      failures: 0,
      uncertain: 0,
      quarantine_until: 0,
      destructive: 0,
      lease_token: null,
      lease_owner: null,
      lease_until: 0,
    },
    intents: { user, kind: 'nuke', records: 'keep', through: 5 },
    erasures: {
      receipt: `r${n}`,
      user,
      tombstone: 't',
      requested_at: 1_700_000_000_000,
      done: STOPPED,
      version: 1,
      trouble: null,
    },
    removals: { user, rkey: 'a', cid: 'b' },
    policy: {
      name: 'federation',
      mode: 'on',
      percent: 100,
      allow: '[]',
      set_by: 'x',
      set_at: 5,
      reason: null,
      version: 1,
    },
    ledger: { key: `requests https://pds${n}.test`, entry: LEDGER_ENTRY },
    audits: { user, audit: '{}' },
    sightings: {
      user,
      relay: 'https://relay.test',
      did: `did:plc:${user}`,
      at: 5,
      standing: 'visible',
      rev: 'r',
      pds_rev: null,
      due_at: 9,
    },
    workers: { id: `w${n}`, worker: WORKER },
  }
  return rows[table]!
}

/** The good row with each of its columns replaced by each value, as far as SQLite lets it in. @param first number of the first row */
export function fillWithOdd(db: Database.Database, table: string, first = 0): readonly Row[] {
  const rows: Row[] = []
  for (const { name, type } of columnsOf(db, table)) {
    for (const value of valuesFor(type)) {
      const row = { ...goodRow(table, first + rows.length), [name]: value }
      if (forced(db, table, row)) rows.push(row)
    }
  }
  return rows
}
