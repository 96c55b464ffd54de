/** How many cases a property is tried in: fewer in a run of all tests than when it is the one that is looked at. */

/** @param name of the environment variable that sets another number @param usual as many as take a few seconds */
export function casesOf(name: string, usual: number): number {
  const cases = Number(process.env[name] ?? usual)
  if (!Number.isSafeInteger(cases) || cases < 1) throw new Error(`${name} has to be a number of cases`)
  return cases
}
