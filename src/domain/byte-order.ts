/** The order of names and ids in every database: by their bytes in UTF-8, which is not the one of JavaScript's strings. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
