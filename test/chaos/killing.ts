/** Workers that are killed, at each seam of a pass and at random, and that others take the place of. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { Random } from '../support/random.ts'

const SEAMS = ['after-claim', 'before-write', 'after-write', 'after-settle'] as const
const AT_RANDOM = 'at random'

/** So few workers need not die in every place. */
const FEW = 10

export interface KillingOptions {
  /** How many are to die. If a place was spared, more do, up to three times as many. */
  readonly wanted: number
  /** Environment of the workers. */
  readonly env: Readonly<Record<string, string>>
  /** How long a worker has to get to its seam before it dies at random, in ms: so long, and up to so much longer. */
  readonly patienceMs: readonly [number, number]
  /** Whether a worker may end as it starts, since its database has no primary just then: it is started again, as by a supervisor. */
  readonly mayNotStart?: boolean
  /** What else has not happened yet, by name; nothing by default. */
  readonly missing?: () => readonly string[]
}

export class Killing {
  /** How many have died in each place. */
  readonly hits: Record<string, number> = Object.fromEntries([...SEAMS, AT_RANDOM].map((name) => [name, 0]))
  readonly #options: KillingOptions

  constructor(options: KillingOptions) {
    this.#options = options
    process.setMaxListeners(3 * options.wanted + 100)
  }

  get dead(): number {
    return Object.values(this.hits).reduce((sum, n) => sum + n, 0)
  }

  /** Places, and whatever else there is, that have not come up yet. */
  silent(): readonly string[] {
    const { wanted, missing } = this.#options
    const spared = wanted < FEW ? [] : Object.keys(this.hits).filter((name) => this.hits[name] === 0)
    return [...spared, ...(missing?.() ?? [])]
  }

  get isOver(): boolean {
    const { wanted } = this.#options
    return this.dead >= wanted && (this.silent().length === 0 || this.dead >= 3 * wanted)
  }

  /** @param share of the times at which it comes to a seam, any or the one that is named, that it dies there */
  start(seed: number, share: number, seam?: string): ChildProcess {
    const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...this.#options.env }
    const args = ['test/chaos/worker.ts', String(seed), String(share), ...(seam === undefined ? [] : [seam])]
    const worker = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    process.once('exit', () => worker.kill('SIGKILL'))
    return worker
  }

  /**
   * Keeps one worker alive until enough have died. Each is to die where the fewest have.
   *
   * @throws Error when a worker ends by itself, but for one that may not start
   */
  async keepKilling(dice: Random): Promise<void> {
    const [least, more] = this.#options.patienceMs
    while (!this.isOver) {
      const place = Object.keys(this.hits).toSorted((a, b) => this.hits[a]! - this.hits[b]!)[0]!
      const worker = this.start(dice.below(2 ** 31), 0.5, place)
      let last = ''
      worker.stdout?.on('data', (chunk: Buffer) => (last += chunk.toString()))
      const exited = once(worker, 'exit')
      // From when it works: on a busy machine the start alone takes seconds.
      const hasStarted = await Promise.race([once(worker.stdout!, 'data').then(() => true), exited.then(() => false)])
      if (!hasStarted && worker.signalCode === null && this.#options.mayNotStart) continue
      const spared = new AbortController()
      const doomed = setTimeout(least + dice.below(more), undefined, { signal: spared.signal })
      void doomed.then(
        () => worker.kill('SIGKILL'),
        () => {},
      )
      await exited
      spared.abort()
      if (worker.signalCode !== 'SIGKILL') throw new Error(`a worker ended by itself: ${worker.exitCode}`)
      this.hits[SEAMS.find((name) => last.trimEnd().endsWith(name)) ?? AT_RANDOM]!++
    }
  }
}
