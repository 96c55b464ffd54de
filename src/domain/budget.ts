/**
 * Rate limits of a PDS, and how much of them is used. A ledger entry is kept in the store, so that any number of
 * processes share it; this file has its rules.
 */

import { FURTHEST, isVoid } from './furthest.ts'
import { type HostFacts, lacking } from './host-facts.ts'
import type { RepoWrite } from './plan.ts'
import { type Unwell, withNote, withoutNotes } from './unwell.ts'

/** At most `max` points within `windowMs`, counted from the first use as the PDS does. */
export interface Limit {
  readonly max: number
  readonly windowMs: number
}

export interface Limits {
  /** Points of writes, for each account. */
  readonly points: readonly Limit[]
  /** Requests, for each host. */
  readonly requests: readonly Limit[]
  /** Logins, for each account. */
  readonly logins: readonly Limit[]
  /** Firehose events, for each host: beyond them a relay throttles the host. */
  readonly events: readonly Limit[]
}

export const NO_LIMITS: Limits = { points: [], requests: [], logins: [], events: [] }

/** Points of one write (reference PDS, `packages/pds/src/rate-limits.ts`): refused ones count as well. */
const POINTS = { create: 3, update: 2, delete: 1 } as const

/** Points of a request with one write. */
export const POINTS_OF_ONE = { put: POINTS.update, delete: POINTS.delete } as const

/**
 * Points that a request will cost. A single create or update is sent as `putRecord`, which costs 2 either way.
 */
export function pointsOf(writes: readonly RepoWrite[]): number {
  const [only] = writes
  if (writes.length === 1 && only) return only.action === 'delete' ? POINTS_OF_ONE.delete : POINTS_OF_ONE.put
  return writes.reduce((sum, write) => sum + POINTS[write.action], 0)
}

/** Of every limit, this much is for deletions alone, so that a backfill cannot starve them. */
export const RESERVED_FOR_DELETES = 0.1

/**
 * Who may take only a small share of a host's requests, so that they never keep back what authors write: readers whom nobody
 * knows, and the continuous check of all repos.
 */
export type SmallBudget = 'readers' | 'proving'

/** Of the limits of requests, this much is for each of them; without limits, so many within ten seconds. */
const SMALL_SHARE = 0.1
const SMALL_WITHOUT_LIMITS: Limit = { max: 200, windowMs: 10_000 }

/** Once this much of a host's requests is used, whoever by, none is left for them. */
export const SMALL_ENDS_AT = 0.5

/** What each of {@link SmallBudget} may ask of a host, all together. @param requests limits of all requests to it */
export function smallLimits(requests: readonly Limit[]): readonly Limit[] {
  if (requests.length === 0) return [SMALL_WITHOUT_LIMITS]
  return requests.map(({ max, windowMs }) => ({ max: Math.max(1, Math.floor(max * SMALL_SHARE)), windowMs }))
}

/**
 * How often it may be found out what holds on a host, by all processes together. That has this budget alone, and is charged to no
 * account: a small budget would never have room for it, and nothing would ever be published.
 */
export const PROBES: Limit = { max: 4, windowMs: 60 * 60_000 }

/** Under which name each budget is kept. */
export const LEDGER = {
  points: (did: string) => `points ${did}`,
  logins: (user: string) => `logins ${user}`,
  requests: (host: string) => `requests ${host}`,
  events: (host: string) => `events ${host}`,
  readers: (host: string) => `readers ${host}`,
  proving: (host: string) => `proving ${host}`,
  relay: (relay: string) => `relay ${relay}`,
  repairs: (user: string) => `repairs ${user}`,
  withdrawals: (user: string) => `withdrawals ${user}`,
  probes: (host: string) => `probes ${host}`,
} as const

/** Between which keys the hosts' requests are kept: from the first on, and before the second. */
export const HOST_KEYS = { from: LEDGER.requests(''), before: 'requests!' } as const

/** A host that has missed the last request, or that has not answered some method as a PDS does, with what is noted of it. */
export interface FailingHost {
  /** Base URL. */
  readonly host: string
  readonly requests: LedgerEntry
}

/** @param key one of {@link HOST_KEYS} */
export function failingHost(key: string, requests: LedgerEntry): FailingHost {
  return { host: key.slice(HOST_KEYS.from.length), requests }
}

/** One account's or host's use. */
export interface LedgerEntry {
  /** One for each limit: used points, and when they are forgotten (ms since 1970). */
  readonly windows: readonly { readonly used: number; readonly endsAt: number }[]
  /** The PDS asked to wait: nothing is granted before, whatever else becomes of the host; ms since 1970. */
  readonly blockedUntil: number
  /** Times in a row that the host could not be reached. */
  readonly failures: number
  /** When the first request that was not answered was sent, in ms since 1970. */
  readonly silentSince?: number
  /** When a host that is taken for dead is tried again, in ms since 1970. */
  readonly probeAt?: number
  /** Methods that the host has not answered as a PDS does; absent where there are none. */
  readonly unwell?: readonly Unwell[]
  /** What holds on the host, where that has been found out. */
  readonly facts?: HostFacts
}

export const UNUSED: LedgerEntry = { windows: [], blockedUntil: 0, failures: 0 }

export interface Reservation {
  readonly limits: readonly Limit[]
  readonly cost: number
  /** How much of each limit may be used, 0 to 1. */
  readonly share: number
  /** While a host is taken for dead, one request in this many milliseconds may try it. */
  readonly probeMs: number
}

export interface Answer {
  /** Null when granted; else when to ask again, in ms since 1970. */
  readonly waitUntil: number | null
  /** The host has missed the last request: it is probed before anything else is asked of it. */
  readonly failing: boolean
  /** The host is taken for dead: only a probe may reach it. */
  readonly dead: boolean
  /** Methods that the host has not answered as a PDS does: whoever gets a good answer to one notes it. Absent where there are none. */
  readonly unwell?: readonly string[]
}

/** The deadline; 0 for one that is void. @param furthest in ms, as in {@link FURTHEST} */
function soon(deadline: number, now: number, furthest: number): number {
  return isVoid(deadline, now, furthest) ? 0 : deadline
}

/** Whether a host may be asked now: nobody has asked to wait, and it is not left alone for being dead. @param now ms since 1970 */
export function mayBeAsked(entry: LedgerEntry, now: number): boolean {
  return reserve(entry, { limits: [], cost: 0, share: 1, probeMs: 0 }, now).waitUntil === null
}

/** How far ahead a block may end: no server may ask to wait for longer than its longest window. */
function furthestBlock(limits: readonly Limit[]): number {
  return Math.max(FURTHEST.block, ...limits.map(({ windowMs }) => windowMs + FURTHEST.skew))
}

/**
 * Asks for points. What is granted is used at once, whatever the outcome of the request. A host that has missed a request
 * is probed first, which is one request more.
 */
export function reserve(
  entry: LedgerEntry,
  { limits, cost, share, probeMs }: Reservation,
  now: number,
): Answer & { readonly entry: LedgerEntry } {
  const dead = isDead(entry)
  const unwell = entry.unwell?.map(({ method }) => method)
  const told = { failing: isFailing(entry), dead, ...(unwell && { unwell }) }
  const all = told.failing ? cost + 1 : cost
  const blockedUntil = soon(entry.blockedUntil, now, furthestBlock(limits))
  const probeAt = soon(entry.probeAt ?? 0, now, Math.max(FURTHEST.probe, probeMs + FURTHEST.skew))
  const closedUntil = Math.max(blockedUntil, dead ? probeAt : 0)
  if (closedUntil > now) return { entry, waitUntil: closedUntil, ...told }
  const windows = limits.map(({ windowMs }, i) => {
    const window = entry.windows[i]
    return window && isOpen(window, windowMs, now) ? window : { used: 0, endsAt: now + windowMs }
  })
  const full = windows.filter(({ used }, i) => used + all > limits[i]!.max * share)
  if (full.length > 0) return { entry, waitUntil: Math.max(...full.map((window) => window.endsAt)), ...told }
  const charged = { ...entry, windows: windows.map(({ used, endsAt }) => ({ used: used + all, endsAt })) }
  return { entry: dead ? { ...charged, probeAt: now + probeMs } : charged, waitUntil: null, ...told }
}

/** How much of one limit is left. @param entry null where nothing has been used */
export function leftOf(entry: LedgerEntry | null, { max, windowMs }: Limit, now: number): number {
  const window = entry?.windows[0]
  return Math.max(0, max - (window && isOpen(window, windowMs, now) ? window.used : 0))
}

/** Whether what was used in a window still counts. One that ends further ahead than it is long comes of a clock that was wrong. */
function isOpen({ endsAt }: LedgerEntry['windows'][number], windowMs: number, now: number): boolean {
  return endsAt > now && !isVoid(endsAt, now, windowMs + FURTHEST.skew)
}

/** A host that failed this often in a row is taken for dead. */
const DEAD_AFTER = 3

/**
 * The host could not be reached, or did not answer.
 *
 * @param certain the connection was refused: it is dead without further proof
 * @param waitMs how long to leave it alone if it is dead
 * @param askedAt when the request was sent, in ms since 1970
 */
export function unreachable(
  entry: LedgerEntry,
  certain: boolean,
  waitMs: number,
  now: number,
  askedAt = now,
): LedgerEntry {
  const failures = certain ? Math.max(DEAD_AFTER, entry.failures + 1) : entry.failures + 1
  const silent = { ...entry, failures, silentSince: sinceOf(entry, askedAt, now) }
  return isDead(silent) ? { ...silent, probeAt: now + waitMs } : silent
}

/** The host has answered. */
export function reachable(entry: LedgerEntry): LedgerEntry {
  const { silentSince: _, probeAt: __, ...known } = entry
  return { ...known, failures: 0 }
}

/** Whether the host is taken for dead: `silentSince` tells since when it has not answered. */
export function isDead({ failures }: LedgerEntry): boolean {
  return failures >= DEAD_AFTER
}

/** Whether the host has missed the last request: `silentSince` tells since when it has not answered. */
export function isFailing({ failures }: LedgerEntry): boolean {
  return failures > 0
}

/** Where accounts still live, somebody asks again within a week, and it is noted again. */
const REMEMBERED_MS = 7 * 24 * 60 * 60_000

/** Whether a host has been silent for so long that nobody need be told: its accounts may have moved. @param now ms since 1970 */
export function isGivenUp({ silentSince }: LedgerEntry, now: number): boolean {
  return silentSince !== undefined && now - silentSince > REMEMBERED_MS
}

/** The PDS itself asked to wait. @param limits of the budget: it asks for no longer than its longest window */
export function blocked(entry: LedgerEntry, until: number, limits: readonly Limit[] = []): LedgerEntry {
  return { ...entry, blockedUntil: Math.max(soon(entry.blockedUntil, until, furthestBlock(limits)), until) }
}

/**
 * The host has not answered a method as a PDS does. It is probed before anything else is asked of it, and not taken for dead: what
 * spoils one method may let all others through.
 *
 * @param askedAt when the request was sent, in ms since 1970
 */
export function answeredOddly(
  entry: LedgerEntry,
  note: Pick<Unwell, 'method' | 'said'>,
  now: number,
  askedAt: number,
): LedgerEntry {
  const failures = Math.max(1, entry.failures)
  const unwell = withNote(entry.unwell, note, now, entry.failures === 0)
  return { ...entry, failures, silentSince: sinceOf(entry, askedAt, now), unwell }
}

/** When its trouble began: with this request, unless it had begun before. */
function sinceOf({ silentSince }: LedgerEntry, askedAt: number, now: number): number {
  return silentSince === undefined || isVoid(silentSince, now, FURTHEST.skew) ? askedAt : silentSince
}

/** The host has answered these methods as a PDS does. */
export function answeredWell(entry: LedgerEntry, methods: readonly string[]): LedgerEntry {
  const { unwell, ...rest } = entry
  const left = withoutNotes(unwell, methods)
  return left.length === 0 ? rest : { ...rest, unwell: left }
}

/** Whether somebody should know of the host: it has missed the last request, or does not answer as a PDS does. */
export function isInTrouble(entry: LedgerEntry): boolean {
  return isFailing(entry) || (entry.unwell ?? []).length > 0
}

/** What holds on the host has been found out, or (null) is not known any more. */
export function informed(entry: LedgerEntry, facts: HostFacts | null): LedgerEntry {
  if (facts === null) {
    const { facts: _, ...rest } = entry
    return rest
  }
  // What the host is known not to have is no trouble: nobody asks for it any more.
  return { ...answeredWell(entry, lacking(facts)), facts }
}
