/** How all repos stand with their proofs, for programs. */

import type { ProofNumbers } from '../../domain/proving.ts'
import { isoTime } from '../phrases.ts'

export function proofDocument({ accounts, proven, oldest, findings, unprovable, unproven }: ProofNumbers) {
  return { accounts, proven, oldest: isoTime(oldest), findings, unprovable, unproven }
}
