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

/** Whether a value that was read anywhere is one of the names that are counted. */
export function isKeyOf<K extends string>(counts: Readonly<Record<K, number>>, name: unknown): name is K {
  return typeof name === 'string' && Object.hasOwn(counts, name)
}

/**
 * A number of things, in words: `1 mood`, `2 moods`.
 *
 * @param one what one of them is called, with the verb where there is one
 * @param many what several are called, where that is not `one` with an s
 */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}
