/**
 * Tells everybody who watches what has changed. Changes are read from the store, so those of other processes are seen as
 * well; one reader serves all who watch, and nothing is read when nobody does.
 */

import { setTimeout } from 'node:timers/promises'
import { isVisibleTo } from '../domain/mood.ts'
import type { Entry, Moods } from '../moods.ts'
import type { ChangePosition, MoodStore } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Wakeup } from '../wakeup.ts'

export interface Watcher {
  /** `sub` of whoever watches, null for a stranger. */
  readonly viewer: string | null
  /** A mood that the watcher may see was added or has changed. */
  show(entry: Entry): void
  /** A mood is not to be seen any more. */
  hide(id: string): void
  /** The server stops. */
  end(): void
}

export interface FeedHubDeps {
  readonly store: MoodStore
  readonly moods: Moods
  readonly clock: Clock
  /** Raised by changes of this process. */
  readonly changes: Wakeup
  readonly onError: (error: unknown) => void
}

/** How often to look for changes of other processes. */
const POLL_MS = 1000
/** Writes of other processes may land this much behind the newest one seen. */
const OVERLAP_MS = 6000
/** However many changes there are, they are read no more often than this. */
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

  /** @returns how to stop watching */
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
    /** Versions told already, of moods changed within the overlap. */
    let told = new Map<string, { version: number; changedAt: number }>()
    while (this.#watchers.size > 0 && !this.#stop.signal.aborted) {
      const { seen } = changes
      try {
        let position: ChangePosition = { changedAt: newest - OVERLAP_MS, id: '' }
        for (;;) {
          const page = await this.#deps.store.changes(position, PAGE)
          const fresh = page.filter(({ mood }) => told.get(mood.id)?.version !== mood.version)
          await this.#tell(fresh.map(({ mood }) => mood))
          for (const { mood, position: at } of page) {
            told.set(mood.id, { version: mood.version, changedAt: at.changedAt })
            newest = Math.max(newest, at.changedAt)
            position = at
          }
          if (page.length < PAGE) break
        }
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
        // Not even the id of a mood that was private from the start is told to others.
        else if (entry.mood.sync.hold !== 'private' || entry.mood.user === watcher.viewer) watcher.hide(entry.mood.id)
      }
    }
  }
}
