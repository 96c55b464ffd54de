/**
 * Moods as a library, for a server that takes moods itself. It opens an installation, posts and deletes, and offers the API
 * as a Fetch handler. `moods worker`, which runs beside it, publishes.
 *
 * An expected failure is a {@link DomainError} with a stable `code`. Any function may fail with `unavailable` while the
 * database cannot be reached; none fails because of the PDS.
 */

export type { BackfillReport } from './domain/audit.ts'
export type { AuditCounts } from './domain/audit-counts.ts'
export type { FindingKind } from './domain/finding-kinds.ts'
export { DomainError, type ErrorCode } from './domain/errors.ts'
export type { SyncState } from './domain/sync.ts'
export type { ErasureView, MoodPageView, MoodView, ProfileView } from './http/contract.ts'
export { createMoods, fetchHandler, Installation, type MoodsOptions } from './library/installation.ts'
export { type Draft, erase, erasure, feed, type FeedOptions, post, signUp } from './library/moods.ts'
export { audit, type AuditFinding, type AuditResult, backfill, repair } from './library/operators.ts'
export { createAtprotoMood, deleteAllAtprotoMoods, deleteAtprotoMood } from './library/records.ts'
export type { WaitOptions } from './library/waiting.ts'
