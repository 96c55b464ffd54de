/** The people of such a database: those with good moods, and those about whom something is odd. */

export const USERS = 25
export const MOODS_OF_EACH = 20
export const FIRST = Date.UTC(2024, 2, 1)

export const goodUser = (n: number): string => `auth0|${String(n).padStart(24, '0')}`
/** Who can sign in for a trial by the handle `odd-user-N`. */
export const oddUser = (n: number): string => `trial|odd-user-${n}`
