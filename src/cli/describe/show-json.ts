/** What `moods show --json` prints: times as ISO 8601, and nothing that a mood says or a PDS has answered in words. */

import type { Waiting } from '../../domain/reasons.ts'
import type { Shown } from '../../operate/show.ts'
import type { ShownErasure } from '../../operate/show-erasure.ts'
import type { ShownMood } from '../../operate/show-mood.ts'
import type { ShownUser } from '../../operate/show-user.ts'
import type { StoredAudit } from '../../ports/store.ts'
import type { DocumentOf } from '../json/documents.ts'
import { isoTime } from '../phrases.ts'
import { sightingDocument } from './relays.ts'

type Document = DocumentOf<'show'>['things'][number]
type Kind<K extends Document['kind']> = Extract<Document, { readonly kind: K }>
type WaitingDocument = Kind<'mood'>['reason']

/** One thing as programs read it. */
export function shownAsJson(shown: Shown): Document {
  switch (shown.kind) {
    case 'user':
      return userAsJson(shown)
    case 'mood':
      return moodAsJson(shown)
    case 'record':
      return shown
    case 'erasure':
      return erasureAsJson(shown)
  }
}

function reasonAsJson({ code, text, remedy, until }: Waiting): WaitingDocument {
  return { code, text, remedy, until: isoTime(until) }
}

/** Without the message, in which a PDS may repeat what it was sent. */
function errorAsJson(error: { readonly code: string; readonly at: number } | null) {
  return error && { code: error.code, at: isoTime(error.at) }
}

function moodAsJson(shown: ShownMood): Kind<'mood'> {
  const { kind, mood, handle, changedAt, reason, desired, record, isDesired, differs, finding, twins } = shown
  const { id, user, ordinal, when, version, isPrivate, intensity, deleted, sync } = mood
  const { state, hold, rkey, uri, cid, attempts, dueAt, error } = sync
  return {
    kind,
    id,
    user,
    handle,
    ordinal,
    postedAt: isoTime(when),
    firstPublishedAt: isoTime(sync.firstPublished?.at ?? null),
    changedAt: isoTime(changedAt),
    version,
    isPrivate,
    intensity,
    deleted,
    row: { state, hold, rkey, uri, cid, attempts, dueAt: isoTime(dueAt), error: errorAsJson(error) },
    reason: reasonAsJson(reason),
    desired,
    record,
    isDesired,
    differs,
    finding,
    twins,
  }
}

function userAsJson(shown: ShownUser): Kind<'user'> {
  const {
    kind,
    user,
    handle,
    account,
    reason,
    network,
    repo,
    blocked,
    budgets,
    audit,
    relays,
    moods,
    waiting,
    erasure,
  } = shown
  return {
    kind,
    user,
    handle,
    account: account && {
      ...account,
      error: errorAsJson(account.error),
      former: account.former.map((each) => Object.assign({}, each, { until: isoTime(each.until) })),
    },
    reason,
    network,
    repo: repo && {
      dueAt: isoTime(repo.dueAt),
      failures: repo.failures,
      uncertain: repo.uncertain,
      quarantine: { until: isoTime(repo.quarantine.until || null), destructive: repo.quarantine.destructive },
      lease: repo.lease && { owner: repo.lease.owner, until: isoTime(repo.lease.until) },
    },
    blocked: { host: isoTime(blocked.host), account: isoTime(blocked.account) },
    budgets: budgets.map(({ budget, used, max, windowMs, endsAt }) => {
      return { budget, used, max, windowMs, endsAt: isoTime(endsAt) }
    }),
    relays: relays.map(sightingDocument),
    audit: audit && looksAsJson(audit),
    moods,
    waiting: waiting.map(({ state, moods: n, oldest, ...rest }) => ({
      state,
      moods: n,
      oldest: { id: oldest.id, postedAt: isoTime(oldest.when) },
      reason: reasonAsJson(rest),
    })),
    erasure: erasure && erasureAsJson(erasure),
  }
}

function looksAsJson({ good, failed }: StoredAudit) {
  return {
    good: good && { at: isoTime(good.at), findings: good.findings },
    failed: failed && { since: isoTime(failed.since), at: isoTime(failed.at), code: failed.code },
  }
}

/** An erasure under way, or done. */
export function erasureAsJson({ requestedAt, done, reason, ...rest }: ShownErasure): Kind<'erasure'> {
  return {
    ...rest,
    requestedAt: isoTime(requestedAt),
    done: done.map(({ step, at, needed, found }) => ({ step, at: isoTime(at), needed, found })),
    reason: reason && reasonAsJson(reason),
  }
}
