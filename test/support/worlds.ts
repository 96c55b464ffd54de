/** Users' rows and repos, in step or damaged in many ways, for audits that need no PDS. */

import type { LexMap } from '@atproto/lex-data'
import fc from 'fast-check'
import { type AuditedRecord, type AuditInput, auditRepo, type Finding, type RepoAudit } from '../../src/domain/audit.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { planMood } from '../../src/domain/plan.ts'
import { FEDERATE_ALL, type FederationPolicy } from '../../src/domain/policy.ts'
import { cidOf, COLLECTION, desiredRecord, rkeyFor, uriOf } from '../../src/domain/record.ts'
import { adopted, enqueued, held, published, rejected, unseen, withdrawn } from '../../src/domain/sync.ts'
import { aMood, aReadyAccount, NOW } from './moods.ts'

export const account = aReadyAccount()
const did = account.did!
const calm = { until: 0, destructive: false }
export const error = { code: 'X', message: 'no', at: NOW }

/** The rows of a user, and what their repo holds. */
export interface World {
  readonly moods: Map<string, Mood>
  readonly records: Map<string, AuditedRecord>
}

export function audit({ moods, records }: World, fields: Partial<AuditInput> = {}): RepoAudit {
  const none = new Set<string>()
  const rest = { account, policy: FEDERATE_ALL, odd: [], moving: none, removing: none, modernise: false }
  return auditRepo({ ...rest, moods: [...moods.values()], records, ...fields })
}

export function recordOf(mood: Mood): LexMap {
  const desired = desiredRecord({ ...mood, isPrivate: false, deleted: null }, account, FEDERATE_ALL)
  if (desired.kind !== 'record') throw new Error('the mood has no record')
  return desired.value
}

export function put({ records }: World, rkey: string, value: LexMap): void {
  records.set(rkey, { value, cid: cidOf(value) })
}

export function olderForm({ id, text, when }: Mood): LexMap {
  return { $type: COLLECTION, mood: text, when: new Date(when).toISOString(), ref: id }
}

/** A mood in step with the repo: there when it is wanted, or deleted and kept, and gone otherwise. */
export function settle(world: World, mood: Mood): Mood {
  const isThere = !mood.isPrivate && mood.deleted?.records !== 'withdraw'
  const pending = enqueued(mood.sync, NOW)
  if (isThere) put(world, mood.sync.rkey, recordOf(mood))
  const sync = isThere
    ? published(pending, uriOf(did, mood.sync.rkey), world.records.get(mood.sync.rkey)!.cid, { at: NOW, direct: true })
    : mood.deleted
      ? withdrawn(pending)
      : held(pending, 'private')
  const settled = { ...mood, sync }
  world.moods.set(mood.id, settled)
  return settled
}

export const DAMAGE = {
  recordDeleted: ({ records }: World, { sync }: Mood) => void records.delete(sync.rkey),
  recordChanged: (world: World, mood: Mood) => put(world, mood.sync.rkey, { ...recordOf(mood), text: 'other' }),
  recordWithoutId: (world: World, mood: Mood) => put(world, mood.sync.rkey, { $type: COLLECTION, text: 'other' }),
  recordOfAnother: (world: World, mood: Mood) => {
    const other = [...world.moods.values()].find(({ id }) => id !== mood.id) ?? mood
    put(world, mood.sync.rkey, recordOf(other))
  },
  recordUnreadable: ({ records }: World, { sync }: Mood) =>
    void records.set(sync.rkey, { value: undefined, cid: 'unreadable' }),
  recordOfOlderForm: (world: World, mood: Mood) => put(world, mood.sync.rkey, olderForm(mood)),
  secondCopy: (world: World, mood: Mood) => put(world, rkeyFor(NOW, `copy ${mood.id}`, 0), recordOf(mood)),
  secondCopyOfOlderForm: (world: World, mood: Mood) => put(world, rkeyFor(NOW, `old ${mood.id}`, 0), olderForm(mood)),
  unlinked: ({ moods }: World, mood: Mood) => {
    const { rkey, attempts } = mood.sync
    moods.set(mood.id, { ...mood, sync: unseen({ rkey, uri: null, cid: null, attempts }) })
  },
  held: ({ moods }: World, mood: Mood) =>
    void moods.set(mood.id, { ...mood, sync: held(enqueued(mood.sync, NOW), 'federation_off') }),
  becamePrivate: ({ moods }: World, mood: Mood) => void moods.set(mood.id, { ...mood, isPrivate: true }),
  becamePublic: ({ moods }: World, mood: Mood) => void moods.set(mood.id, { ...mood, isPrivate: false }),
  withdrawn: ({ moods }: World, mood: Mood) =>
    void moods.set(mood.id, { ...mood, deleted: { by: 'author', records: 'withdraw' } }),
  kept: ({ moods }: World, mood: Mood) =>
    void moods.set(mood.id, { ...mood, deleted: { by: 'nuke', records: 'keep' } }),
  rejected: ({ moods }: World, mood: Mood) =>
    void moods.set(mood.id, { ...mood, sync: rejected(enqueued(mood.sync, NOW), error) }),
  purged: ({ moods }: World, mood: Mood) => void moods.delete(mood.id),
  foreign: (world: World, mood: Mood) =>
    put(world, rkeyFor(NOW, `foreign ${mood.id}`, 0), { $type: COLLECTION, text: 'from elsewhere' }),
  unreadable: ({ records }: World, { id }: Mood) =>
    void records.set(rkeyFor(NOW, `odd ${id}`, 0), { value: 7, cid: 'odd' }),
} as const

export const someDrafts = fc.array(
  fc.record({
    isPrivate: fc.boolean(),
    deletion: fc.constantFrom(null, null, 'withdraw' as const, 'keep' as const),
  }),
  { minLength: 1, maxLength: 4 },
)
const someDamage = fc.array(
  fc.tuple(fc.nat({ max: 3 }), fc.constantFrom(...(Object.keys(DAMAGE) as (keyof typeof DAMAGE)[]))),
  { maxLength: 6 },
)
export const worlds = fc.tuple(someDrafts, someDamage).map(([drafts, damages]): World => {
  const world: World = { moods: new Map(), records: new Map() }
  const ids = drafts.map(({ isPrivate, deletion }, i) => {
    const deleted = deletion && ({ by: 'author', records: deletion } as const)
    return settle(world, aMood({ id: String(i).padStart(24, 'a'), isPrivate, deleted, text: `mood ${i}` })).id
  })
  for (const [i, kind] of damages) {
    const mood = world.moods.get(ids[i % ids.length]!)
    if (mood) DAMAGE[kind](world, mood)
  }
  return world
})

/** Does what mends a finding, as a repair orders it and the engine carries it out. */
export function mend(
  { moods, records }: World,
  { fix }: Pick<Finding, 'fix'>,
  policy: FederationPolicy = FEDERATE_ALL,
): void {
  if (fix.kind === 'remove') {
    if (records.get(fix.rkey)?.cid === fix.cid) records.delete(fix.rkey)
    return
  }
  if (fix.kind === 'none') return
  const { mood, rkey, cid } = fix
  // As in a store: a record key has one mood.
  if ([...moods.values()].some((other) => other.id !== mood.id && other.sync.rkey === rkey)) return
  if (fix.kind === 'adopt') {
    moods.set(mood.id, { ...mood, sync: adopted(mood.sync, { rkey, uri: uriOf(did, rkey), cid: fix.cid }, NOW) })
    return
  }
  const seen = { rkey, uri: cid === null ? null : uriOf(did, rkey), cid }
  const pending: Mood = { ...mood, sync: enqueued(mood.sync, NOW, seen) }
  const desired = desiredRecord(pending, account, policy)
  for (;;) {
    const known = { cid: records.get(rkey)?.cid ?? null, verified: true }
    const step = planMood(pending, desired, known, { did, quarantine: calm, now: NOW })
    if (step.kind === 'settle') return void moods.set(mood.id, { ...pending, sync: step.next })
    if (step.write.action === 'delete') records.delete(rkey)
    else records.set(rkey, { value: step.write.value, cid: step.write.cid })
  }
}

/** Mends what a repair does under a policy. */
export function repairAll(world: World, policy: FederationPolicy, modernise = false): void {
  for (const finding of audit(world, { policy, modernise }).findings) {
    if (finding.hold === null) mend(world, finding, policy)
  }
}

/** What federation held goes back to work, as the engine's sweep does it. */
export function letGo(world: World): void {
  for (const mood of world.moods.values()) {
    const { hold, rkey, cid } = mood.sync
    if (hold === 'federation_off') mend(world, { fix: { kind: 'enqueue', mood, rkey, cid } })
  }
}
