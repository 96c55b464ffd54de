/**
 * What columns may not hold though its type is right: the part of what the readers of `domain/` refuse that SQL can tell.
 * The rules are triggers and no checks of the tables, so that rows which break them already stay as they are, and so that a
 * dump with such rows can be restored: it makes the triggers last.
 */

/** An SQL condition, in which `$` stands for the column of the new row. */
type Rule = string

const NAME: Rule = `$ <> ''`
const FLAG: Rule = '$ IN (0, 1)'
const COUNT: Rule = `$ BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER}`
const VERSION: Rule = `$ BETWEEN 1 AND ${Number.MAX_SAFE_INTEGER}`
/** From 1970 to 2255, in ms: what a TID can hold. */
const TIME: Rule = '$ BETWEEN 0 AND 9007199254740'
const OBJECT: Rule = `CASE WHEN json_valid($) THEN json_type($) IN ('object', 'null') ELSE 0 END`
const ERROR: Rule = `CASE WHEN json_valid($) THEN json_type($) = 'null' OR (json_type($, '$.code') IS 'text'
  AND json_type($, '$.message') IS 'text' AND json_type($, '$.at') IS 'integer') ELSE 0 END`

/** By table and column. What may be null is not refused for being null. */
const RULES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  moods: {
    id: NAME,
    user: NAME,
    ordinal: COUNT,
    when_ms: TIME,
    intensity: '$ BETWEEN 1 AND 10',
    is_private: FLAG,
    deleted: FLAG,
    version: COUNT,
    changed_at: TIME,
    due_at: TIME,
    attempts: COUNT,
    hold: `$ IN ('no_account', 'private', 'federation_off', 'kept', 'backfill')`,
    error: ERROR,
    first_published: TIME,
    published_directly: `NEW.first_published IS NULL OR ${FLAG}`,
  },
  handles: { user: NAME, handle: `$ <> '' AND length($) <= 100` },
  accounts: {
    user: NAME,
    version: COUNT,
    pds_handle: NAME,
    candidate: COUNT,
    did: `$ GLOB 'did:?*:?*'`,
    pds: `$ GLOB 'http://?*' OR $ GLOB 'https://?*'`,
    sealed_password: NAME,
    requeue: FLAG,
    error: ERROR,
  },
  repos: {
    user: NAME,
    due_at: TIME,
    due_set_at: TIME,
    marks: COUNT,
    failures: COUNT,
    uncertain: FLAG,
    quarantine_until: TIME,
    destructive: FLAG,
    lease_token: NAME,
    lease_until: TIME,
  },
  intents: { user: NAME, through: COUNT },
  removals: { user: NAME, rkey: `$ <> '' AND $ NOT GLOB '*[^-A-Za-z0-9._:~]*'`, cid: NAME },
  erasures: {
    receipt: NAME,
    user: NAME,
    tombstone: NAME,
    requested_at: TIME,
    done: OBJECT,
    version: VERSION,
    trouble: OBJECT,
  },
  policy: { set_at: TIME, version: VERSION },
  audits: { user: NAME, audit: OBJECT },
  ledger: { key: NAME, entry: OBJECT },
  workers: { id: NAME, worker: OBJECT },
}

/** A new row costs a fifth more where there is a trigger, whatever that checks; each post is one, so posts are not checked. */
const UNCHECKED_WHEN_NEW = 'moods'

/** The step that makes them. It has shipped: a rule that changes is a step of its own. */
export const MAKE_RULES = Object.entries(RULES)
  .map(([table, columns]) => rulesOf(table, columns))
  .join('\n')

/** The same for what relays say, whose table is younger. */
export const MAKE_SIGHTING_RULES = rulesOf('sightings', {
  user: NAME,
  relay: NAME,
  did: NAME,
  at: TIME,
  standing: `$ IN ('visible', 'behind', 'throttled', 'desynchronized', 'takendown', 'suspended', 'deleted', 'deactivated', 'inactive', 'unknown')`,
  rev: NAME,
  pds_rev: NAME,
  due_at: TIME,
})

function rulesOf(table: string, columns: Readonly<Record<string, Rule>>): string {
  const updated = updateTrigger(table, columns)
  return table === UNCHECKED_WHEN_NEW ? updated : `${insertTrigger(table, columns)}\n${updated}`
}

function insertTrigger(table: string, columns: Readonly<Record<string, Rule>>): string {
  const refused = Object.entries(columns).map(([column, rule]) => refusal(table, column, rule, ''))
  return `CREATE TRIGGER ${table}_inserted BEFORE INSERT ON ${table} BEGIN SELECT CASE ${refused.join(' ')} END; END;`
}

/** Only of what changes: a row that is odd already may change in other columns. */
function updateTrigger(table: string, columns: Readonly<Record<string, Rule>>): string {
  const refused = Object.entries(columns).map(([column, rule]) =>
    refusal(table, column, rule, `NEW.${column} IS NOT OLD.${column} AND `),
  )
  return `CREATE TRIGGER ${table}_updated BEFORE UPDATE ON ${table} BEGIN SELECT CASE ${refused.join(' ')} END; END;`
}

function refusal(table: string, column: string, rule: Rule, when: string): string {
  const condition = rule.replaceAll(/\$(?!\.)/g, `NEW.${column}`)
  return `WHEN ${when}NEW.${column} IS NOT NULL AND NOT (${condition}) THEN RAISE(ABORT, '${table}.${column} may not hold this')`
}
