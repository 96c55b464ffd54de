/** Texts as words of a shell's command line: what people copy must mean what it says. */

/** In single quotes, whatever it is. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** As it is where a shell takes it for one plain word, as most names are; else in quotes, as a `sub` like `idp|1` needs. */
export function shellWord(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : quoted(text)
}
