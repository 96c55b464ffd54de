/** Ctrl+C: the first asks a command to stop cleanly, a second one ends it at once. */

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
}

export function untilInterrupted(): Interrupt {
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    },
  }
}
