/** Long lists in pieces, for requests that take only so much at once. */

/** The items in their order, `size` of them at a time; the last piece may be shorter. */
export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}
