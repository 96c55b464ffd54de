/** Remembers which texts have been seen, in an amount of memory that does not grow: a Bloom filter. Pure. */

/** Bits for each text that is expected: with them, one text in some million is taken for one that was seen. */
const BITS_EACH = 64
const LEAST_BITS = 2 ** 16
/** 16 MB: beyond two million texts, more and more are taken for ones that were seen. */
const MOST_BITS = 2 ** 27
/** How many bits stand for one text. */
const MARKS = 6

export class Seen {
  readonly #words: Uint32Array
  readonly #mask: number

  /** @param expected about how many texts there will be */
  constructor(expected: number) {
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, expected) * BITS_EACH))
    const bits = Math.min(MOST_BITS, Math.max(LEAST_BITS, wanted))
    this.#words = new Uint32Array(bits / 32)
    this.#mask = bits - 1
  }

  /** Notes a text. @returns whether it may have been noted before; surely so where it was */
  again(text: string): boolean {
    // Two hashes (FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/), of which any number can be made.
    let [one, other] = [0x811c9dc5, 0x01000193]
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      one = Math.imul(one ^ unit, 0x01000193)
      other = Math.imul(other ^ unit, 0x85ebca6b)
    }
    // The lowest bits of such a hash depend on the lowest of the text alone.
    one ^= one >>> 15
    other = (other ^ (other >>> 13)) | 1
    let wasThere = true
    for (let i = 0; i < MARKS; i++) {
      const bit = (one + Math.imul(i, other)) & this.#mask
      const word = bit >>> 5
      const mark = 1 << (bit & 31)
      if ((this.#words[word]! & mark) === 0) {
        wasThere = false
        this.#words[word]! |= mark
      }
    }
    return wasThere
  }
}
