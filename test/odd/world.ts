/** A database full of odd data, whichever store it is of: what the one run over everything asks of it. */

/** A mood as it stands in the database, judged without code of the product. */
export interface StoredMood {
  /** A name of its own, for these proofs alone. */
  readonly name: string
  /** The id as the product says it. */
  readonly id: string
  readonly user: unknown
  readonly text: unknown
  readonly isGood: boolean
  /** Neither private nor deleted, where it is good. */
  readonly isShown: boolean
  /** One of the good ones that everything else is odd beside. */
  readonly isPlain: boolean
  /** Byte for byte. */
  readonly bytes: string
  /** For people. */
  readonly shown: string
}

export interface OddWorld extends AsyncDisposable {
  /** What an installation on it is configured with. */
  readonly env: Record<string, string>
  /** The collection or table of moods, as `data check` names it. */
  readonly moodsName: string
  moods(): Promise<readonly StoredMood[]>
  /** Every DID that an account has. */
  dids(): Promise<readonly string[]>
  /** Everybody who is named anywhere, as a sign-in provider may name them. */
  people(): Promise<readonly string[]>
  /** Requests to the database server so far; null where there is none that counts. */
  requests(): Promise<number | null>
}
