/** What the API answers, as types that the page shares. The schemas in `schemas.ts` say the same to everybody else. */

import type { SyncState } from '../domain/sync.ts'

export interface MoodView {
  readonly id: string
  readonly mood: string
  /** ISO 8601. */
  readonly when: string
  readonly handle: string | null
  readonly intensity?: number
  readonly context?: string
  readonly isPrivate: boolean
  readonly atproto: {
    readonly synced: boolean
    readonly state: SyncState
    readonly uri?: string
    readonly cid?: string
    readonly error?: { readonly code: string }
  }
}

export interface ProfileView {
  readonly handle: string | null
  readonly account: {
    readonly state: 'none' | 'pending' | 'ready' | 'needs_attention'
    readonly did?: string
    /** The full handle on the PDS. */
    readonly handle?: string
    readonly error?: { readonly code: string; readonly message: string }
  }
}

export interface SessionView {
  readonly token: string
  readonly handle: string
}

export interface AboutView {
  /** `trial`: a handle is enough; `external`: users bring tokens of an identity provider. */
  readonly signIn: 'trial' | 'external'
  readonly pds: string
}

export interface MoodPageView {
  readonly moods: readonly MoodView[]
  /** Absent on the last page. */
  readonly cursor?: string
}

export interface RecordView {
  readonly uri: string
  readonly cid: string
  readonly value: unknown
}

export interface ErasureView {
  readonly receipt: string
  readonly state: 'running' | 'done'
  readonly requestedAt: string
  steps: {
    readonly name: string
    readonly state: 'waiting' | 'done' | 'not_needed'
    readonly at?: string
  }[]
}
