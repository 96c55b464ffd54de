/** One whole document of each kind, as the readers take them, and as they stand in a MongoDB. */

import { NO_COUNTS } from '../../src/domain/audit-counts.ts'
import type { Values } from '../../src/domain/odd.ts'
import type { KindName } from '../../src/domain/readers.ts'

const AT = new Date('2024-03-01T12:00:00Z')

export const WHOLE: Readonly<Record<KindName, Values>> = {
  moods: { user: 'u1', mood: 'fine', when: AT },
  handles: { handle: 'anna' },
  users: {
    name: 'Anna',
    atproto: {
      did: 'did:plc:a',
      handle: 'anna.test',
      pds: 'https://pds.test',
      sealed: 'x',
      session: 'y',
      state: 'ready',
      candidate: 0,
      requeue: false,
      error: { code: 'Down', message: 'why', at: 5 },
      former: [{ did: 'did:plc:b', pds: 'https://old.test', until: 5, why: 'gone' }],
      version: 3,
    },
  },
  repos: {
    dueAt: AT,
    marks: 2,
    failures: 0,
    uncertain: false,
    quarantineUntil: AT,
    destructive: true,
    leaseToken: 't',
    leaseOwner: 'o',
    leaseUntil: AT,
  },
  intents: { kind: 'nuke', records: 'keep', through: 5 },
  erasures: { user: 'u1', tombstone: 'x', requestedAt: AT, done: { stopped: { at: 5, needed: true } }, version: 1 },
  removals: { removals: [{ rkey: 'a', cid: 'b' }] },
  audits: {
    good: { at: 5, rev: 'r', counts: { ...NO_COUNTS }, findings: { stray: 2 } },
    failed: { since: 6, at: 7, code: 'Down' },
  },
  sightings: {
    user: 'u1',
    relay: 'https://relay.example',
    did: 'did:plc:u1',
    at: AT,
    standing: 'behind',
    rev: 'r',
    pdsRev: 's',
    dueAt: AT,
  },
  policy: { mode: 'allow', percent: 12.5, allow: ['anna'], setBy: 'op', setAt: AT, reason: null, version: 2 },
  ledger: {
    entry: {
      windows: [{ used: 3, endsAt: 9 }],
      blockedUntil: 0,
      failures: 1,
      silentSince: 4,
      probeAt: 5,
      unwell: [{ method: 'a.b.c', said: '403 text/html', since: 4, at: 5 }],
    },
    revision: 1,
  },
  workers: {
    host: 'h',
    pid: 5,
    role: 'all',
    version: '1',
    since: AT,
    at: AT,
    policyVersion: null,
    progressedAt: 5,
    ended: true,
  },
}
