/** The tables, as numbered steps; `PRAGMA user_version` is the number of steps taken. Never change a step that shipped. */

import type Database from 'better-sqlite3'
import { DomainError } from '../../domain/errors.ts'
import { MAKE_RULES, MAKE_SIGHTING_RULES } from './schema-rules.ts'

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE moods (
    id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    text TEXT NOT NULL,
    when_ms INTEGER NOT NULL,
    intensity INTEGER,
    context TEXT,
    is_private INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    deleted_by TEXT CHECK (deleted_by IN ('author', 'nuke')),
    deleted_records TEXT CHECK (deleted_records IN ('withdraw', 'keep')),
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('local', 'pending', 'published', 'withdrawn', 'rejected')),
    rkey TEXT NOT NULL,
    uri TEXT,
    cid TEXT,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    hold TEXT,
    error TEXT,
    CHECK (deleted = (deleted_by IS NOT NULL) AND deleted = (deleted_records IS NOT NULL)),
    CHECK ((state = 'pending') = (due_at IS NOT NULL)),
    CHECK (state <> 'published' OR (uri IS NOT NULL AND cid IS NOT NULL))
  ) STRICT;
  CREATE UNIQUE INDEX moods_by_ordinal ON moods (user, ordinal);
  CREATE UNIQUE INDEX moods_by_rkey ON moods (user, rkey);
  CREATE INDEX moods_public ON moods (when_ms, id) WHERE deleted = 0 AND is_private = 0;
  CREATE INDEX moods_of_user ON moods (user, when_ms, id) WHERE deleted = 0;
  CREATE INDEX moods_due ON moods (user, due_at) WHERE state = 'pending';
  CREATE INDEX moods_parked ON moods (hold, user) WHERE state = 'local';
  CREATE INDEX moods_by_change ON moods (changed_at, id);

  CREATE TABLE handles (
    user TEXT PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE accounts (
    user TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'needs_attention')),
    handle TEXT NOT NULL,
    pds_handle TEXT,
    candidate INTEGER NOT NULL,
    did TEXT UNIQUE,
    pds TEXT,
    sealed_password TEXT,
    sealed_session TEXT,
    requeue INTEGER NOT NULL,
    error TEXT,
    CHECK (state <> 'ready' OR (did IS NOT NULL AND pds IS NOT NULL))
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX accounts_with_work ON accounts (user) WHERE state = 'pending' OR requeue = 1;

  CREATE TABLE repos (
    user TEXT PRIMARY KEY,
    due_at INTEGER,
    marks INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    uncertain INTEGER NOT NULL DEFAULT 0,
    quarantine_until INTEGER NOT NULL DEFAULT 0,
    destructive INTEGER NOT NULL DEFAULT 0,
    lease_token TEXT,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX repos_due ON repos (due_at) WHERE due_at IS NOT NULL;

  CREATE TABLE intents (
    user TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('nuke', 'restore')),
    records TEXT NOT NULL CHECK (records IN ('withdraw', 'keep')),
    through INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE removals (
    user TEXT NOT NULL,
    rkey TEXT NOT NULL,
    cid TEXT NOT NULL,
    PRIMARY KEY (user, rkey)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE switches (
    name TEXT PRIMARY KEY,
    is_off INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE audits (
    user TEXT PRIMARY KEY,
    audit TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE erasures (
    receipt TEXT PRIMARY KEY,
    user TEXT UNIQUE,
    tombstone TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    done TEXT NOT NULL,
    version INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE ledger (
    key TEXT PRIMARY KEY,
    entry TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  `,
  // Pages of what is held or rejected, in the order of ids.
  `
  DROP INDEX moods_parked;
  CREATE INDEX moods_held ON moods (hold, user, id) WHERE state = 'local';
  CREATE INDEX moods_rejected ON moods (id) WHERE state = 'rejected';
  `,
  // A switch that could only be off becomes the policy. What an operator has stopped stays stopped.
  `
  CREATE TABLE policy (
    name TEXT PRIMARY KEY CHECK (name = 'federation'),
    mode TEXT NOT NULL CHECK (mode IN ('off', 'allow', 'percent', 'on')),
    percent REAL NOT NULL CHECK (percent BETWEEN 0 AND 100),
    allow TEXT NOT NULL CHECK (json_type(allow) = 'array'),
    set_by TEXT NOT NULL,
    set_at INTEGER NOT NULL,
    reason TEXT,
    version INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;
  INSERT INTO policy
    SELECT 'federation', 'off', 0, '[]', 'an earlier version', 0, 'publishing was stopped with an earlier version', 1
    FROM switches WHERE name = 'publishing' AND is_off = 1;
  DROP TABLE switches;
  `,
  // What has waited the longest: of all moods, and of all erasures.
  `
  CREATE INDEX moods_waiting ON moods (due_at, id) WHERE state = 'pending';
  CREATE INDEX erasures_open ON erasures (requested_at, receipt) WHERE user IS NOT NULL;
  `,
  `
  CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    worker TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  `,
  // When a mood was first published, which what happens to its record later does not change.
  `
  ALTER TABLE moods ADD COLUMN first_published INTEGER;
  ALTER TABLE moods ADD COLUMN published_directly INTEGER;
  `,
  // What the last check of the data found, and who checks now.
  `
  CREATE TABLE checks (
    name TEXT PRIMARY KEY CHECK (name = 'check'),
    last TEXT,
    owner TEXT,
    until INTEGER
  ) WITHOUT ROWID, STRICT;
  `,
  // When the due time of a repo was set: one that was set in the future is void.
  `
  ALTER TABLE repos ADD COLUMN due_set_at INTEGER NOT NULL DEFAULT 0;
  `,
  // What the last try at the next step of an erasure came to.
  `
  ALTER TABLE erasures ADD COLUMN trouble TEXT;
  `,
  MAKE_RULES,
  // Accounts that users had before.
  `
  ALTER TABLE accounts ADD COLUMN former TEXT;
  `,
  // There are more tasks than the check of the data that one process does for all.
  `
  CREATE TABLE tasks (
    name TEXT PRIMARY KEY,
    last TEXT,
    owner TEXT,
    until INTEGER
  ) WITHOUT ROWID, STRICT;
  INSERT INTO tasks SELECT name, last, owner, until FROM checks;
  DROP TABLE checks;
  `,
  // What relays say of accounts.
  `
  CREATE TABLE sightings (
    user TEXT NOT NULL,
    relay TEXT NOT NULL,
    did TEXT NOT NULL,
    at INTEGER NOT NULL,
    standing TEXT NOT NULL,
    rev TEXT,
    pds_rev TEXT,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (user, relay)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX sightings_due ON sightings (relay, due_at);
  CREATE INDEX sightings_standing ON sightings (relay, standing);
  ${MAKE_SIGHTING_RULES}
  `,
]

function versionOf(db: Database.Database): number {
  return db.pragma('user_version', { simple: true }) as number
}

/** Whether the tables are those of this version. @throws DomainError `data_folder` when they are those of a newer one */
export function isCurrent(db: Database.Database): boolean {
  refuseNewer(db)
  return versionOf(db) === MIGRATIONS.length
}

/** @throws DomainError `data_folder` when a newer version of the product has been here */
export function refuseNewer(db: Database.Database): void {
  const version = versionOf(db)
  if (version <= MIGRATIONS.length) return
  throw new DomainError(
    'data_folder',
    `${db.name} was written by a newer version (format ${version}, this one knows ${MIGRATIONS.length})`,
  )
}

/**
 * Brings the tables up to date.
 *
 * @throws DomainError `data_folder` when a newer version has written the file; it stays as it is then
 */
export function migrate(db: Database.Database): void {
  if (isCurrent(db)) return
  db.transaction(() => {
    refuseNewer(db)
    for (const step of MIGRATIONS.slice(versionOf(db))) db.exec(step)
    db.pragma(`user_version = ${MIGRATIONS.length}`)
  }).immediate()
}
