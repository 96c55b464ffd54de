/** What is kept where. The first three are those of an existing database; the others hold the engine's own notes. */
export const COLLECTIONS = {
  moods: 'moods',
  users: 'users',
  handles: '@handles',
  repos: 'mood-repos',
  intents: 'mood-intents',
  erasures: 'mood-erasures',
  removals: 'mood-removals',
  audits: 'mood-audits',
  sightings: 'mood-sightings',
  policy: 'mood-switches',
  ledger: 'mood-ledger',
  workers: 'mood-workers',
  mends: 'mood-mends',
  tasks: 'mood-checks',
} as const
