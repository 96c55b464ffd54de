/** Answers that do not depend on what was asked. */

import type { Fault } from '../odd-server.ts'

type Rest = Partial<Omit<Fault, 'name' | 'answer'>>

export const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' } as const
export const HTML_TYPE = { 'content-type': 'text/html; charset=utf-8' } as const
export const PAGE = '<!doctype html><title>Sign in</title><form action="/login"><input name="password"></form>'

/** Answers the same to whatever is asked; the PDS hears nothing of it. @param body text or bytes as they are, JSON of anything else */
export function says(
  name: string,
  status: number,
  headers: Record<string, string>,
  body: unknown = '',
  rest: Rest = {},
): Fault {
  return { name, ...rest, answer: ({ say }) => say(status, headers, body) }
}
