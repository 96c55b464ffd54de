/** The forms that a variable of the configuration may have: what each must be, and what it means. */

import { parseHandle } from './domain/handle.ts'
import type { PolicyMode } from './domain/policy.ts'

/** The form of a variable's text. */
export interface Form<T> {
  /** Completes "NAME must …". */
  readonly must: string
  /** @returns undefined for a text that does not have the form */
  readonly parse: (text: string) => T | undefined
}

export const anything: Form<string> = { must: 'be a text', parse: (text) => text }

export function whole(min: number, max: number): Form<number> {
  const parse = (text: string): number | undefined => {
    const value = Number(text)
    return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
  }
  return { must: `be a whole number from ${min} to ${max}`, parse }
}

export function oneOf<const T extends string>(...values: readonly T[]): Form<T> {
  const must = values.length === 1 ? `be ${values[0]}` : `be one of ${values.join(', ')}`
  return { must, parse: (text) => values.find((value) => value === text) }
}

const UNITS = { m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const

/** How often something is done, in ms; null for never. */
export const every: Form<number | null> = {
  must: 'be a time from 10m to 30d, such as 90m, 24h or 7d, or off',
  parse(text) {
    if (text === 'off') return null
    const [, digits, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
    const ms = Number(digits) * UNITS[unit as keyof typeof UNITS]
    return ms >= 10 * UNITS.m && ms <= 30 * UNITS.d ? ms : undefined
  },
}

const isUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
export const url: Form<string> = {
  must: 'be an http or https URL',
  parse: (text) => (isUrl(text) ? text.replace(/\/+$/, '') : undefined),
}
export const urls: Form<readonly string[]> = {
  must: 'be a list of http or https URLs, such as https://relay-1.example,https://relay-2.example',
  parse(text) {
    const all = text.split(',').map((each) => url.parse(each.trim()))
    return all.every((each) => each !== undefined) ? [...new Set(all)] : undefined
  },
}
/** Kept as written: issuers are compared character by character, and Auth0's ends with a slash. */
export const issuer: Form<string> = { must: url.must, parse: (text) => (isUrl(text) ? text : undefined) }

export const mongodbUri: Form<string> = {
  must: 'begin with mongodb:// or mongodb+srv://',
  parse: (text) => (/^mongodb(\+srv)?:\/\/./.test(text) ? text : undefined),
}

export const sealKey: Form<Uint8Array> = {
  must: 'be 32 bytes in base64',
  parse(text) {
    const bytes = Buffer.from(/^[\w+/-]+=*$/.test(text) ? text : '', 'base64')
    return bytes.length === 32 ? bytes : undefined
  },
}

export const federation: Form<{ readonly mode: PolicyMode; readonly percent: number }> = {
  must: 'be on, off, or a share from 0% to 100%',
  parse(text) {
    if (text === 'on') return { mode: 'on', percent: 100 }
    if (text === 'off') return { mode: 'off', percent: 0 }
    const share = Number(/^(\d{1,3})%$/.exec(text)?.[1] ?? Number.NaN)
    return share <= 100 ? { mode: 'percent', percent: share } : undefined
  },
}

export const handles: Form<readonly string[]> = {
  must: 'be a list of handles, such as @alice,@bob',
  parse(text) {
    try {
      return [...new Set(text.split(',').map((handle) => parseHandle(handle)))].toSorted()
    } catch {
      return undefined
    }
  },
}

export const count = whole(1, 1_000_000_000)
/** With fewer points, a tenth of them reserved for deletions, not even one mood could be published. */
export const points = whole(3, 1_000_000_000)
