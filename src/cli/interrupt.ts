/** Ctrl+C and SIGTERM: the first asks the process to stop cleanly, a second one ends it at once. */

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Under npm, Ctrl+C arrives twice: from the terminal and from npm. Within this time, both are one. */
const ECHO_MS = 1_000

/** How often it is looked whether npx is still there. */
const LOOK_MS = 500

/** Fires at the first signal, and when the npx that runs this process has ended without handing it on. */
export function untilInterrupted(): Interrupt {
  const controller = new AbortController()
  const release = (): void => {
    clearInterval(look)
    for (const name of SIGNALS) process.off(name, stop)
  }
  const stop = (): void => {
    if (controller.signal.aborted) return
    controller.abort()
    setTimeout(release, ECHO_MS).unref()
  }
  const look = startedByNpx() ? setInterval(whenLeft(stop), LOOK_MS).unref() : undefined
  for (const name of SIGNALS) process.on(name, stop)
  return { signal: controller.signal, [Symbol.dispose]: release }
}

/**
 * npx runs a command in a shell. Told to end, npx ends that shell, and the shell says nothing to the command: it would go on
 * with nobody to stop it.
 */
function startedByNpx(): boolean {
  return process.env['npm_command'] === 'exec'
}

function whenLeft(stop: () => void): () => void {
  const parent = process.ppid
  return () => {
    if (process.ppid !== parent) stop()
  }
}
