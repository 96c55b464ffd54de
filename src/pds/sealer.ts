/** Secrets at rest: JWE (RFC 7516), direct encryption with A256GCM. */

import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import type { Credentials } from '../domain/account.ts'

/** What is said of an account whose stored password cannot be unsealed. */
export const UNSEALABLE = {
  code: 'Unsealable',
  message: 'the stored password was sealed with another key, or is damaged',
} as const

/** Whether a text looks as if it had been sealed, with whatever key. */
export function looksSealed(text: string): boolean {
  try {
    return text.split('.').length === 5 && decodeProtectedHeader(text).alg === 'dir'
  } catch {
    return false
  }
}

export class Sealer {
  readonly #key: Uint8Array

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  seal(secret: string): Promise<string> {
    return new CompactEncrypt(new TextEncoder().encode(secret))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(this.#key)
  }

  /** @throws when the text was sealed with another key or was changed */
  async unseal(sealed: string): Promise<string> {
    const { plaintext } = await compactDecrypt(sealed, this.#key)
    return new TextDecoder().decode(plaintext)
  }

  /** The password itself. @throws when it was sealed with another key or was changed */
  passwordOf(credentials: Credentials): Promise<string> {
    return credentials.kind === 'plain' ? Promise.resolve(credentials.password) : this.unseal(credentials.sealed)
  }
}
