/** Splits writes into commits that a PDS accepts. Pure. */

import type { RepoWrite } from './plan.ts'

/** Most writes in one commit (the PDS answers 400 to 201). */
export const MAX_WRITES = 200
/** Most bytes of records in one request; the PDS refuses bodies over 1,000,000 with 413. */
export const MAX_BYTES = 900_000

/** Bytes that a write adds to a request: its record as JSON, and the envelope around it. */
function sizeOf(write: RepoWrite): number {
  return 200 + (write.action === 'delete' ? 0 : Buffer.byteLength(JSON.stringify(write.value)))
}

/** Splits writes into groups that fit one commit: deletions first, replacements each alone, so that they name what they replace. */
export function batches<T extends { readonly write: RepoWrite }>(steps: readonly T[], maxWrites = MAX_WRITES): T[][] {
  const of = (action: RepoWrite['action']): T[] => steps.filter((step) => step.write.action === action)
  return [
    ...inGroups(of('delete'), maxWrites),
    ...of('update').map((step) => [step]),
    ...inGroups(of('create'), maxWrites),
  ]
}

function inGroups<T extends { readonly write: RepoWrite }>(steps: readonly T[], maxWrites: number): T[][] {
  const groups: T[][] = []
  let bytes = Infinity
  for (const step of steps) {
    const size = sizeOf(step.write)
    const last = groups.at(-1)
    if (last === undefined || last.length >= maxWrites || bytes + size > MAX_BYTES) {
      groups.push([step])
      bytes = size
    } else {
      last.push(step)
      bytes += size
    }
  }
  return groups
}
