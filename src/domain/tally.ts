/** Counting things by name. */

/** Adds to the count of a name. */
export function count<K extends string>(counts: Partial<Record<K, number>>, name: K, more = 1): void {
  counts[name] = (counts[name] ?? 0) + more
}

/** How often each name occurs, in the order of their first occurrence. */
export function countBy<K extends string>(names: Iterable<K>): Partial<Record<K, number>> {
  const counts: Partial<Record<K, number>> = {}
  for (const name of names) count(counts, name)
  return counts
}
