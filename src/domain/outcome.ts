/** Outcomes: what the PDS answered, as data. */

/**
 * - `ok`: done, and known to be done;
 * - `uncertain`: it may or may not have happened (lost answer, time-out, 500, lost swap): read before doing anything else;
 *   `answered` tells whether the PDS itself said something; `said` tells that something else has answered in its place, or
 *   the PDS not as one does, and in a few harmless words how: it speaks of the host, and of nothing that was asked;
 * - `later`: not done; wait `afterMs`, with everything for this host or only for this account; `less`: it was not
 *   sent, because the budget left is too small for it; a smaller request may fit; `dead`: it was not
 *   sent, because the host is taken for dead;
 * - `host_down`: never reached the PDS, or, where `directory` names it, the PLC directory that had to be asked first;
 * - `unauthorized`: the session or the account was refused;
 * - `rejected`: this very request was refused and will be again.
 */
export type Failure =
  | { readonly kind: 'uncertain'; readonly code: string; readonly answered: boolean; readonly said?: string }
  | {
      readonly kind: 'later'
      readonly afterMs: number
      readonly scope: 'account' | 'host'
      readonly less?: boolean
      readonly dead?: boolean
    }
  | { readonly kind: 'host_down'; readonly code: string; readonly directory?: string }
  | { readonly kind: 'unauthorized'; readonly code: string; readonly message: string }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string }

export type Outcome<T = void> = { readonly kind: 'ok'; readonly value: T } | Failure

export function ok<T>(value: T): Outcome<T> {
  return { kind: 'ok', value }
}

/** Whether nothing was heard of the host: not even that it refuses, or asks to wait. */
export function isSilent(outcome: Outcome<unknown>): boolean {
  switch (outcome.kind) {
    case 'host_down':
      return true
    case 'uncertain':
      return !outcome.answered
    case 'later':
      return outcome.dead === true
    case 'ok':
    case 'unauthorized':
    case 'rejected':
      return false
  }
}

/** Names a failure by the PDS's own code; by its kind where there is none. */
export function codeOf(failure: Failure): string {
  return 'code' in failure ? failure.code : failure.kind
}

/** The names by which hosts say that the repo is not as the write takes it to be. */
const LOST = new Set(['InvalidSwap', 'RecordAlreadyExists'])

/** Whether a failure says that something else was there than the write has named: nothing was written, and nothing will be. */
export function isLostSwap(failure: Failure): boolean {
  return LOST.has(codeOf(failure))
}
