/** The folder in which everything of an installation is kept: who may write to it, its secrets, its files. */

import { randomBytes } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type Database from 'better-sqlite3'
import { DomainError } from './domain/errors.ts'

/** Secrets that an embedded installation makes for itself on its first start. */
export interface Secrets {
  /** Base64url, 32 bytes: encrypts passwords and sessions at rest. */
  readonly sealKey: string
  readonly pdsAdminPassword: string
  readonly pdsJwtSecret: string
  /** Hex, 32 bytes: signs the PLC operations of all accounts. */
  readonly plcRotationKey: string
}

/** The MongoDB that a server runs beside itself, kept below the data folder. */
export interface OwnMongod {
  readonly uri: string
  /** Name of the database in it. */
  readonly database: string
}

/** What the last server of a folder has said of itself, for the commands. */
export interface LastServer {
  /** Base URL of its API. */
  readonly address: string
  /** Where it kept its moods, if that was a MongoDB of its own; null for any other store. */
  readonly mongod: OwnMongod | null
}

const LAST_SERVER = 'server.json'

export class DataFolder {
  readonly path: string

  /** @param path made when something is first written */
  constructor(path: string) {
    this.path = path
  }

  file(...names: string[]): string {
    return join(this.path, ...names)
  }

  /** @throws DomainError `data_folder` when the folder cannot be written; nothing is made then */
  checkWritable(): void {
    const missing: string[] = []
    let nearest = this.path
    for (; !existsSync(nearest); nearest = dirname(nearest)) missing.unshift(nearest)
    try {
      accessSync(nearest, constants.W_OK | constants.X_OK)
      // One by one: making them all at once never ends where the system makes none, as below /proc.
      for (const folder of missing) mkdirSync(folder, { mode: 0o700 })
    } catch (error) {
      throw new DomainError('data_folder', `the data folder ${this.path} cannot be written (MOODS_DATA moves it)`, {
        cause: error,
      })
    }
  }

  /**
   * Makes this process the one server of the folder. The operating system lets go of the lock when the process ends,
   * however it ends.
   *
   * @throws DomainError `data_folder` when another server has it
   */
  lock(): Disposable {
    const db = this.#openLock()
    try {
      db.pragma('locking_mode = EXCLUSIVE')
      db.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      db.close()
      throw new DomainError('data_folder', `another server is running on the data folder ${this.path}`, {
        cause: error,
      })
    }
    return { [Symbol.dispose]: () => void db.close() }
  }

  #openLock(): Database.Database {
    try {
      // Loaded here: the configuration reads this folder, and so whoever asks for help would wait for it.
      const Sqlite = createRequire(import.meta.url)('better-sqlite3') as typeof Database
      return new Sqlite(this.file('server.lock'), { timeout: 500 })
    } catch (error) {
      throw new DomainError('data_folder', `the data folder ${this.path} cannot be written (MOODS_DATA moves it)`, {
        cause: error,
      })
    }
  }

  /** Whether some server has the folder. */
  isLocked(): boolean {
    if (!existsSync(this.file('server.lock'))) return false
    try {
      this.lock()[Symbol.dispose]()
      return false
    } catch {
      return true
    }
  }

  /** The secrets; made on first use, readable by the owner alone. */
  secrets(): Secrets {
    const stored = this.readJson('secrets.json') as Secrets | null
    if (stored) return stored
    const made: Secrets = {
      sealKey: randomBytes(32).toString('base64url'),
      pdsAdminPassword: randomBytes(16).toString('hex'),
      pdsJwtSecret: randomBytes(32).toString('hex'),
      plcRotationKey: randomBytes(32).toString('hex'),
    }
    this.writeJson('secrets.json', made)
    return made
  }

  /** @throws DomainError `data_folder` when another server has the folder; nothing is written */
  checkFree(): void {
    if (this.isLocked()) this.lock()[Symbol.dispose]()
  }

  /** Null before the first start. */
  lastServer(): LastServer | null {
    const stored = this.readJson(LAST_SERVER) as Partial<LastServer> | null
    return stored && { address: stored.address ?? '', mongod: stored.mongod ?? null }
  }

  rememberServer(server: LastServer): void {
    this.writeJson(LAST_SERVER, server)
  }

  /**
   * What {@link writeJson} wrote; null when there is no such file.
   *
   * @throws DomainError `data_folder` when the file is there but is not JSON
   */
  readJson(name: string): unknown {
    const file = this.file(name)
    if (!existsSync(file)) return null
    try {
      return JSON.parse(readFileSync(file, 'utf8'))
    } catch (error) {
      throw new DomainError('data_folder', `${file} cannot be read`, { cause: error })
    }
  }

  /** Replaces the file whole, so that a crash leaves the old one or the new one. */
  writeJson(name: string, value: unknown): void {
    const file = this.file(name)
    const part = `${file}.part`
    const fd = openSync(part, 'w', 0o600)
    try {
      writeSync(fd, `${JSON.stringify(value, null, 2)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(part, file)
  }
}
