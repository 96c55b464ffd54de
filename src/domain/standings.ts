/** How an account may stand with a relay. Pure. */

/**
 * - `visible`: the relay passes on what is written;
 * - `behind`: it does, and has not seen the newest commit yet;
 * - `throttled`: it knows the account and passes nothing on, since the PDS has more accounts than it admits;
 * - `desynchronized`: it has lost track of the repo;
 * - `takendown`, `suspended`, `deleted`, `deactivated`: it takes the account for that;
 * - `inactive`: it passes nothing on, for a reason that we do not know;
 * - `unknown`: it has never heard of the account.
 */
export const STANDINGS = [
  'visible',
  'behind',
  'throttled',
  'desynchronized',
  'takendown',
  'suspended',
  'deleted',
  'deactivated',
  'inactive',
  'unknown',
] as const
export type Standing = (typeof STANDINGS)[number]
