/** Notes which port methods of a store are called, so that the suite can tell which of them it has never tried. */

import type { Store } from '../../src/ports/store.ts'

type PortName = {
  [K in keyof Store]: K extends string
    ? Store[K] extends object
      ? Store[K] extends Function
        ? never
        : K
      : never
    : never
}[keyof Store]

/** The ports of a store. The type leaves none out; their methods are found in the store itself. */
const PORTS: { readonly [K in PortName]: true } = {
  moods: true,
  work: true,
  odd: true,
  accounts: true,
  repos: true,
  intents: true,
  erasures: true,
  removals: true,
  audits: true,
  sightings: true,
  policy: true,
  ledger: true,
  workers: true,
  tasks: true,
  data: true,
  archive: true,
}

/** Names of an object's methods, its own and inherited ones. What is private (`#`) is not among them. */
function methodsOf(object: object): string[] {
  const names = new Set<string>()
  for (let level = object; level !== Object.prototype; level = Object.getPrototypeOf(level) as object) {
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name !== 'constructor' && typeof Reflect.get(object, name) === 'function') names.add(name)
    }
  }
  return [...names]
}

export class Recorder {
  readonly #methods = new Set<string>()
  readonly #called = new Set<string>()

  /** The same store, whose calls are noted. */
  record(store: Store): Store {
    const ports = Object.keys(PORTS).map((name) => [name, this.#port(name, store[name as PortName])] as const)
    for (const name of ['check', 'time']) this.#methods.add(name)
    const check = (): Promise<void> => {
      this.#called.add('check')
      return store.check()
    }
    const time = (): Promise<number> => {
      this.#called.add('time')
      return store.time()
    }
    return { ...store, ...Object.fromEntries(ports), check, time }
  }

  #port<T extends object>(port: string, inner: T): T {
    const methods = new Set(methodsOf(inner))
    for (const name of methods) this.#methods.add(`${port}.${name}`)
    return new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof name !== 'string' || typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          this.#called.add(`${port}.${name}`)
          return Reflect.apply(value, target, args)
        }
      },
    })
  }

  /** Methods that every recorded store has, and that were never called on any. */
  uncalled(): string[] {
    return [...this.#methods].filter((name) => !this.#called.has(name)).toSorted()
  }
}
