/**
 * The live feed: tells watchers which moods changed. Changes are read from the store, so those of other processes are
 * included. One reader serves all watchers; without watchers nothing is read.
 */

import { setTimeout } from 'node:timers/promises'
import { FURTHEST } from '../domain/furthest.ts'
import { isVisibleTo } from '../domain/mood.ts'
import type { Entry, Moods } from '../moods.ts'
import type { ChangePosition, MoodStore } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Wakeup } from '../wakeup.ts'

export interface Watcher {
  /** `sub` of the watching user, null when not signed in. */
  readonly viewer: string | null
  /** A mood that the watcher may see was added or changed. */
  show(entry: Entry): void
  /** The watcher may not see this mood any more. */
  hide(id: string): void
  /** The server stops; nothing more is shown. */
  end(): void
}

export interface FeedHubDeps {
  readonly store: MoodStore
  readonly moods: Moods
  readonly clock: Clock
  /** Raised when moods change in this process. */
  readonly changes: Wakeup
  readonly onError: (error: unknown) => void
}

/** How often to look for changes of other processes. */
const POLL_MS = 1000
/** A change may become visible after changes that are up to this much newer. */
const OVERLAP_MS = 6000
/** Shortest pause between two readings, however many changes there are. */
const PAUSE_MS = 50
const PAGE = 500

export class FeedHub {
  readonly #deps: FeedHubDeps
  readonly #watchers = new Set<Watcher>()
  readonly #stop = new AbortController()
  #reading: Promise<void> | null = null

  constructor(deps: FeedHubDeps) {
    this.#deps = deps
  }

  /** @returns stops watching */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    this.#reading ??= this.#read()
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#deps.changes.raise()
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    for (const watcher of this.#watchers) watcher.end()
    await this.#reading
  }

  async #read(): Promise<void> {
    const { clock, changes } = this.#deps
    let newest = clock.now() - OVERLAP_MS
    /** The furthest that the clock has ever been: up to there, all changes were told once. */
    let furthest = newest
    /** Versions that watchers were told of, for moods changed within the overlap. */
    let told = new Map<string, { version: number; changedAt: number }>()
    while (this.#watchers.size > 0 && !this.#stop.signal.aborted) {
      const { seen } = changes
      try {
        // Where the clock was put back, what happens now lies before what has happened.
        newest = Math.min(newest, clock.now())
        const ahead = clock.now() + FURTHEST.skew
        let position: ChangePosition = { changedAt: newest - OVERLAP_MS, id: '' }
        for (;;) {
          const page = await this.#deps.store.changes(position, PAGE)
          const fresh = page.filter(({ mood }) => told.get(mood.id)?.version !== mood.version)
          await this.#tell(fresh.map(({ mood }) => mood))
          for (const { mood, position: at } of page) {
            told.set(mood.id, { version: mood.version, changedAt: at.changedAt })
            newest = Math.max(newest, Math.min(at.changedAt, clock.now()))
            position = at
          }
          if (page.length < PAGE) break
          // However much was told by a clock that was ahead, it is not read again each time.
          const isSkipped = position.changedAt > ahead && position.changedAt < furthest - OVERLAP_MS
          if (isSkipped) position = { changedAt: furthest - OVERLAP_MS, id: '' }
        }
        furthest = Math.max(furthest, newest)
        told = new Map([...told].filter(([, at]) => at.changedAt >= newest - OVERLAP_MS))
      } catch (error) {
        this.#deps.onError(error)
      }
      await changes.wait(seen, POLL_MS, this.#stop.signal)
      await setTimeout(PAUSE_MS)
    }
    this.#reading = null
  }

  async #tell(moods: readonly Entry['mood'][]): Promise<void> {
    for (const entry of await this.#deps.moods.entries(moods)) {
      for (const watcher of this.#watchers) {
        if (isVisibleTo(entry.mood, watcher.viewer)) watcher.show(entry)
        // Other users never learn even the id of a mood that was private from the start.
        else if (entry.mood.sync.hold !== 'private' || entry.mood.user === watcher.viewer) watcher.hide(entry.mood.id)
      }
    }
  }
}
