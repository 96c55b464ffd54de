/** What `moods show --json` prints: times as ISO 8601, and nothing that a mood says or a PDS has answered in words. */

import type { Reason } from '../../domain/reasons.ts'
import type { Shown } from '../../operate/show.ts'
import type { ShownErasure } from '../../operate/show-erasure.ts'
import type { ShownMood } from '../../operate/show-mood.ts'
import type { ShownUser } from '../../operate/show-user.ts'

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

/** One thing as programs read it. */
export function shownAsJson(shown: Shown): object {
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

function reasonAsJson({ code, text, remedy, until }: Reason & { readonly until: number | null }): object {
  return { code, text, remedy, until: iso(until) }
}

/** Without the message, in which a PDS may repeat what it was sent. */
function errorAsJson(error: { readonly code: string; readonly at: number } | null): object | null {
  return error && { code: error.code, at: iso(error.at) }
}

function moodAsJson(shown: ShownMood): object {
  const { kind, mood, handle, changedAt, reason, desired, record, isDesired, differs, finding } = shown
  const { id, user, ordinal, when, version, isPrivate, intensity, deleted, sync } = mood
  const { state, hold, rkey, uri, cid, attempts, dueAt, error } = sync
  return {
    kind,
    id,
    user,
    handle,
    ordinal,
    postedAt: iso(when),
    changedAt: iso(changedAt),
    version,
    isPrivate,
    intensity,
    deleted,
    row: { state, hold, rkey, uri, cid, attempts, dueAt: iso(dueAt), error: errorAsJson(error) },
    reason: reasonAsJson(reason),
    desired,
    record,
    isDesired,
    differs,
    finding,
  }
}

function userAsJson(shown: ShownUser): object {
  const { kind, user, handle, account, reason, network, repo, blocked, budgets, audit, moods, waiting, erasure } = shown
  return {
    kind,
    user,
    handle,
    account: account && { ...account, error: errorAsJson(account.error) },
    reason,
    network,
    repo: repo && {
      dueAt: iso(repo.dueAt),
      failures: repo.failures,
      uncertain: repo.uncertain,
      quarantine: { until: iso(repo.quarantine.until || null), destructive: repo.quarantine.destructive },
      lease: repo.lease && { owner: repo.lease.owner, until: iso(repo.lease.until) },
    },
    blocked: { host: iso(blocked.host), account: iso(blocked.account) },
    budgets: budgets.map(({ budget, used, max, windowMs, endsAt }) => {
      return { budget, used, max, windowMs, endsAt: iso(endsAt) }
    }),
    audit: audit && { at: iso(audit.at), code: audit.code, findings: audit.findings },
    moods,
    waiting: waiting.map(({ state, moods: n, oldest, ...rest }) => ({
      state,
      moods: n,
      oldest: { id: oldest.id, postedAt: iso(oldest.when) },
      reason: reasonAsJson(rest),
    })),
    erasure: erasure && erasureAsJson(erasure),
  }
}

/** An erasure under way, or done. */
function erasureAsJson({ requestedAt, done, reason, ...rest }: ShownErasure): object {
  return {
    ...rest,
    requestedAt: iso(requestedAt),
    done: done.map(({ step, at, needed }) => ({ step, at: iso(at), needed })),
    reason: reason && reasonAsJson(reason),
  }
}
