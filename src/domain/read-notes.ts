/** The readers of what the engine notes for itself: policy, queue, looks at repos, budgets, workers, relays. They are total. */

import { type AuditCounts, NO_COUNTS } from './audit-counts.ts'
import type { LedgerEntry } from './budget.ts'
import { FINDING_KINDS } from './finding-kinds.ts'
import type { ClockOffsets } from './clocks.ts'
import { readHostFacts } from './host-facts.ts'
import type { FailedLooks, GoodLook, RepoLooks } from './looks.ts'
import { COUNT_MOST, type Fields, isUserName, type Odd, readWith, type StoredDocument } from './odd.ts'
import { POLICY_MODES, type StoredPolicy } from './policy.ts'
import { readProof } from './proof.ts'
import type { RepoState } from './queue.ts'
import { type Sighting, STANDINGS } from './sighting.ts'
import type { Unwell } from './unwell.ts'
import { type Worker, WORKER_ROLES } from './worker.ts'

/** Reads the policy of `mode`, `percent`, `allow`, `setBy`, `setAt`, `reason`, `version`. Never throws. */
export function readPolicy(stored: StoredDocument): StoredPolicy | Odd {
  return readWith(stored, null, (fields) => ({
    policy: {
      mode: fields.word('mode', POLICY_MODES),
      percent: fields.number('percent', 0, 100),
      allow: fields.list('allow').map((handle, i) => (isUserName(handle) ? handle : fields.fail(`allow.${i}`, 'type'))),
    },
    by: fields.text('setBy'),
    at: fields.time('setAt'),
    reason: fields.textOrNull('reason'),
    version: fields.whole('version', 1),
  }))
}

/** Reads what earlier versions kept in place of a policy, of `isOff`: a switch that could only be off. Never throws. */
export function readSwitch(stored: StoredDocument): { readonly isOff: boolean } | Odd {
  return readWith(stored, null, (fields) => ({ isOff: fields.flag('isOff') }))
}

/** Reads a repo in the queue, of the fields of {@link RepoState} side by side. Never throws. */
export function readRepo(stored: StoredDocument): RepoState | Odd {
  const user = stored.id.text
  return readWith(stored, stored.id.isOdd ? null : user, (fields) => {
    const token = fields.nameOrNull('leaseToken')
    const owner = fields.textOrNull('leaseOwner')
    const until = fields.time('leaseUntil')
    if (token === null && until > 0) return fields.fail('leaseUntil', 'contradiction')
    return {
      user,
      dueAt: fields.timeOrNull('dueAt'),
      dueSetAt: fields.timeOrNull('dueSetAt') ?? 0,
      marks: fields.whole('marks', 0),
      failures: fields.whole('failures', 0),
      uncertain: certainFlag(fields, 'uncertain'),
      quarantine: { until: fields.time('quarantineUntil'), destructive: certainFlag(fields, 'destructive') },
      lease: token === null ? null : { token, owner: owner ?? '', until },
    }
  })
}

/** What was never written down is not “no”. */
function certainFlag(fields: Fields, name: string): boolean {
  return fields.raw(name) === null ? fields.fail(name, 'missing') : fields.flag(name)
}

/** Reads what looks at a user's repo have found: of `good` and `failed`, or as earlier versions kept it. Never throws. */
export function readLooks(stored: StoredDocument): (RepoLooks & { readonly user: string }) | Odd {
  const user = stored.id.text
  return readWith(stored, stored.id.isOdd ? null : user, (fields) => {
    const isEarlier = !fields.has('good') && !fields.has('failed') && fields.has('at')
    return { user, ...(isEarlier ? lastLookIn(fields) : looksIn(fields)) }
  })
}

function looksIn(fields: Fields): RepoLooks {
  const good = fields.fieldsOrNull('good')
  return { good: good && goodIn(good), failed: failedIn(fields.fieldsOrNull('failed')) }
}

/** Of earlier versions: the last look, good or failed; a failed one had replaced what was known. */
function lastLookIn(fields: Fields): RepoLooks {
  const code = fields.textOrNull('code')
  if (code === null) return { good: goodIn(fields), failed: null }
  const at = fields.whole('at', 0)
  return { good: null, failed: { since: at, at, code } }
}

function failedIn(fields: Fields | null): FailedLooks | null {
  return fields && { since: fields.whole('since', 0), at: fields.whole('at', 0), code: fields.name('code') }
}

const COUNTED = Object.keys(NO_COUNTS)

function goodIn(fields: Fields): GoodLook {
  const counts = fields.fields('counts')
  const findings = fields.fields('findings')
  const unknown = findings.names.find((name) => !(FINDING_KINDS as readonly string[]).includes(name))
  if (unknown !== undefined) return findings.fail(unknown, 'unknown')
  const rev = fields.nameOrNull('rev')
  const isOfToday = COUNTED.every((name) => counts.has(name))
  return {
    at: fields.whole('at', 0),
    // An earlier version counted less, and did not compare what federation held back, so its look spares no other.
    rev: isOfToday ? rev : null,
    counts: Object.fromEntries(COUNTED.map((name) => [name, countOf(counts, name) ?? 0])) as unknown as AuditCounts,
    findings: Object.fromEntries(findings.names.map((name) => [name, countOf(findings, name)])),
    // What cannot be read is proven again. A look that found something proves nothing.
    proof: findings.names.length === 0 ? readProof(fields.raw('proof')) : null,
  }
}

function countOf(counts: Fields, name: string): number | null {
  return counts.wholeOrNull(name, 0, COUNT_MOST)
}

function unwellIn(note: Fields): Unwell {
  return {
    method: note.name('method'),
    said: note.text('said'),
    since: note.whole('since', 0),
    at: note.whole('at', 0),
  }
}

/** Reads what is used of a budget of `entry`. Never throws. */
export function readLedgerEntry(stored: StoredDocument): { readonly key: string; readonly entry: LedgerEntry } | Odd {
  return readWith(stored, null, (fields) => {
    const entry = fields.fields('entry')
    const silentSince = entry.wholeOrNull('silentSince', 0, COUNT_MOST)
    const probeAt = entry.wholeOrNull('probeAt', 0, COUNT_MOST)
    const unwell = entry.raw('unwell') === null ? [] : entry.items('unwell').map(unwellIn)
    const facts = readHostFacts(entry.raw('facts'))
    return {
      key: stored.id.text,
      entry: {
        windows: entry.items('windows').map((window) => ({
          used: window.number('used', 0, COUNT_MOST),
          endsAt: window.whole('endsAt', 0),
        })),
        blockedUntil: entry.whole('blockedUntil', 0),
        failures: entry.whole('failures', 0),
        ...(silentSince === null ? {} : { silentSince }),
        ...(probeAt === null ? {} : { probeAt }),
        ...(unwell.length === 0 ? {} : { unwell }),
        // What cannot be read is found out again.
        ...(facts === null ? {} : { facts }),
      },
    }
  })
}

/** Reads what a worker says of itself. Never throws. */
export function readWorker(stored: StoredDocument): Worker | Odd {
  return readWith(stored, null, (fields) => ({
    id: stored.id.text,
    // Earlier versions say neither.
    ...('progressedAt' in stored.values ? { progressedAt: fields.wholeOrNull('progressedAt', 0, COUNT_MOST) } : {}),
    ...(fields.flag('ended') ? { ended: true } : {}),
    ...('clocks' in stored.values ? { clocks: offsetsIn(fields.fieldsOrNull('clocks')) } : {}),
    host: fields.text('host'),
    pid: fields.whole('pid', 0),
    role: fields.word('role', WORKER_ROLES),
    version: fields.text('version'),
    since: fields.time('since'),
    at: fields.time('at'),
    policyVersion: fields.wholeOrNull('policyVersion', 0, COUNT_MOST),
  }))
}

function offsetsIn(fields: Fields | null): ClockOffsets {
  const [least, most] = [Number.MIN_SAFE_INTEGER, COUNT_MOST]
  const offset = (name: 'store' | 'pds'): number | null => fields?.wholeOrNull(name, least, most) ?? null
  return { store: offset('store'), pds: offset('pds') }
}

/** Reads what a relay said of an account, of the fields of {@link Sighting} side by side. Never throws. */
export function readSighting(stored: StoredDocument): Sighting | Odd {
  return readWith(stored, stored.values['user'], (fields) => ({
    user: fields.name('user'),
    relay: fields.name('relay'),
    did: fields.name('did'),
    at: fields.time('at'),
    standing: fields.word('standing', STANDINGS),
    rev: fields.nameOrNull('rev'),
    pdsRev: fields.nameOrNull('pdsRev'),
    dueAt: fields.time('dueAt'),
  }))
}
