/** The product as people run it: a process of its own. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import { checkDocument } from './documents.ts'
import { quoted } from '../../src/domain/shell-word.ts'
import type { LoggedEvent } from './events.ts'
import { environment } from './installation.ts'

const MOODS = join(process.cwd(), 'bin/moods.js')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a child process is given of our own environment: enough to be found, and none of its settings. */
function bare(env: Record<string, string>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env }
}

/**
 * Runs a command of the product to its end. What it prints with `--json` is held to its schema.
 *
 * @param folder to run it in; that of this process if not said
 */
export async function runMoods(
  args: readonly string[],
  env: Record<string, string>,
  folder = process.cwd(),
): Promise<Finished> {
  const child = spawn(process.execPath, [MOODS, ...args], { env: bare(env), cwd: folder })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  await once(child, 'close')
  if (args.includes('--json') && output.stdout !== '') checkDocument(args, output.stdout, child.exitCode)
  return { code: child.exitCode, ...output }
}

/** Whether there is a program that makes terminals, as the `script` of Linux does. */
export function hasTerminals(): boolean {
  return spawnSync('script', ['--version']).status === 0
}

/** Starts a line on a terminal of its own. What is written to it is typed there. */
function onTerminal(words: readonly string[], env: Record<string, string>) {
  // Without a shell in between, which Ctrl+C might end.
  const line = `exec ${words.map(quoted).join(' ')}`
  return spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: bare({ TERM: 'xterm', ...env }),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

/**
 * Runs a command of the product on a terminal of its own.
 *
 * @returns everything that it prints; null where no program makes terminals
 */
export async function runOnTerminal(args: readonly string[], env: Record<string, string>): Promise<string | null> {
  if (!hasTerminals()) return null
  const child = onTerminal([process.execPath, MOODS, ...args], env)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await once(child, 'close')
  return stripVTControlCharacters(output)
}

/** Runs a line on a terminal of its own, and presses Ctrl+C there. @param until when to */
export async function interruptOnTerminal(
  words: readonly string[],
  env: Record<string, string>,
  until: () => Promise<void>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = onTerminal(words, env)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const closed = once(child, 'close')
  await until()
  child.stdin.write('\u0003')
  await closed
  return { code: child.exitCode, output: stripVTControlCharacters(output) }
}

/** The line that tells that a server or a worker has started. */
const READY = / is ready/

/** A running server. Killed, if it still runs, when disposed of. */
export class ServerProcess implements AsyncDisposable {
  readonly child: ChildProcess
  /** Lines of standard output so far. */
  readonly lines: string[] = []
  #stderr = ''

  private constructor(child: ChildProcess) {
    this.child = child
    child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()))
  }

  /** Starts `moods all`, or another role, and waits until it says that it is ready. */
  static start(folder: string, env: Record<string, string> = {}, role = 'all'): Promise<ServerProcess> {
    return ServerProcess.run(process.execPath, [MOODS, role], environment(folder, env))
  }

  static async run(command: string, args: readonly string[], env: Record<string, string>): Promise<ServerProcess> {
    const child = spawn(command, args, { env: bare(env) })
    const server = new ServerProcess(child)
    const lines = createInterface({ input: child.stdout })
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        server.lines.push(line)
        if (READY.test(line)) resolve()
      })
      lines.once('close', () => reject(new Error(`the server did not start: ${server.#stderr}`)))
    })
    return server
  }

  /** Standard error so far. */
  get errors(): string {
    return this.#stderr
  }

  /** What it has logged so far, where LOG_LEVEL lets it. */
  get log(): readonly LoggedEvent[] {
    const whole = this.#stderr.slice(0, this.#stderr.lastIndexOf('\n') + 1)
    const lines = whole.split('\n').filter((line) => line.startsWith('{'))
    return lines.map((line) => JSON.parse(line) as LoggedEvent)
  }

  get address(): string {
    return /ready at (\S+)/.exec(this.lines.find((line) => READY.test(line)) ?? '')?.[1] ?? ''
  }

  /** @returns the exit code; null after a signal that cannot be caught */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit')
      this.child.kill(signal)
      await exited
    }
    return this.child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }
}
