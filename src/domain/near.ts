/** Names that somebody may have meant. */

/** At most so many are worth reading. */
const MOST = 5

/**
 * Of these names, those that are nearest to the one that was given: first those that begin with it, then those that one or two
 * slips of the keyboard make of it. Case and a leading `@` count for nothing.
 */
export class Nearest {
  readonly #given: string
  #found: { readonly name: string; readonly slips: number }[] = []

  constructor(given: string) {
    this.#given = plain(given)
  }

  /** @param name compared with the given one; @param shown what is told of it when it is near */
  look(name: string, shown: string): void {
    const slips = this.#slips(plain(name))
    if (slips === null || this.#found.some((other) => other.name === shown)) return
    this.#found = [...this.#found, { name: shown, slips }].toSorted((a, b) => a.slips - b.slips).slice(0, MOST)
  }

  /** The nearest first. */
  get found(): readonly string[] {
    return this.#found.map(({ name }) => name)
  }

  /** How far away a name is; null where it is another one altogether. */
  #slips(name: string): number | null {
    const given = this.#given
    if (given.length >= 2 && name.startsWith(given)) return 0
    const allowed = given.length < 5 ? 1 : 2
    if (Math.abs(name.length - given.length) > allowed) return null
    const slips = slipsBetween(given, name)
    return slips <= allowed && slips < given.length ? slips : null
  }
}

function plain(name: string): string {
  return name.replace(/^@/, '').toLowerCase()
}

/** How many letters to add, drop, replace, or swap with the next one (the optimal string alignment distance). */
function slipsBetween(a: string, b: string): number {
  let [before, above]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      let least = Math.min(above![j]! + 1, row[j - 1]! + 1, above![j - 1]! + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before![j - 2]! + 1)
      row.push(least)
    }
    ;[before, above] = [above, row]
  }
  return above!.at(-1)!
}
