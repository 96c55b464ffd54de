/** Addresses of servers. Pure. */

/** Whether two texts are the address of one server: the same but for slashes at the end, case of the host, and a usual port. */
export function isSameUrl(a: string, b: string): boolean {
  const [one, other] = [bare(a), bare(b)]
  return one !== null && one === other
}

function bare(url: string): string | null {
  return URL.parse(url.replace(/\/+$/, ''))?.href ?? null
}
