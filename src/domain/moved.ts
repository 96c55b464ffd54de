/** Accounts that live on another PDS than the one that is stored. Pure. */

/** Code of the error of an account that has moved. */
export const MOVED = 'Moved'

/** @param pds what the DID document names; null for nothing that could be asked */
export function movedError(pds: string | null): { readonly code: string; readonly message: string } {
  const where = pds === null ? 'no PDS that could be asked' : pds
  return { code: MOVED, message: `the DID document of the account names ${where}` }
}
