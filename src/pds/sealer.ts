/** Secrets at rest: JWE (RFC 7516), direct encryption with A256GCM. */

import { CompactEncrypt, compactDecrypt } from 'jose'
import { isUnsealed, plainOf } from '../domain/account.ts'

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

  /** Opens what was sealed; a password that never was is given as it is. @throws when the text was sealed with another key or was changed */
  async unseal(sealed: string): Promise<string> {
    if (isUnsealed(sealed)) return plainOf(sealed)
    const { plaintext } = await compactDecrypt(sealed, this.#key)
    return new TextDecoder().decode(plaintext)
  }
}
