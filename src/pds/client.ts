/** The client of the repos on every PDS: reading and writing, each in a file of its own. */

import type { ReadyAccount } from '../domain/account.ts'
import type { SmallBudget } from '../domain/budget.ts'
import type { HostTraits } from '../domain/host-facts.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import type { CompareOptions, ReadHints, ReadRecords, RepoClient, RepoComparison, RepoRecord } from '../ports/pds.ts'
import { DEFAULT_REPO_MB, limitsOf } from './repo/block-table.ts'
import { type ProbeParts, probeHost } from './host-probe.ts'
import type { Identities } from './identities.ts'
import { RepoReader } from './repo/repo-reader.ts'
import { RepoWriter, type SwapForms } from './repo/repo-writer.ts'
import type { Sessions } from './sessions.ts'
import type { Xrpc } from './xrpc.ts'

export class PdsClient implements RepoClient {
  readonly #reader: RepoReader
  readonly #writer: RepoWriter
  readonly #xrpc: Xrpc
  readonly #again: (reader: RepoReader) => PdsClient
  /** Reader and writer of test records, which no budget pays. */
  readonly #testing: () => ProbeParts

  /**
   * @param identities know the accounts' keys
   * @param limits the most that is read of one repo
   * @param reader what it reads by, where that is another one
   */
  constructor(
    sessions: Sessions,
    client: Xrpc,
    identities: Identities,
    limits = limitsOf(DEFAULT_REPO_MB),
    reader = new RepoReader(client, identities, limits),
  ) {
    this.#reader = reader
    this.#writer = new RepoWriter(sessions, client)
    this.#xrpc = client
    this.#testing = () => {
      const free = client.uncharged()
      return { reader: reader.by(free), writer: new RepoWriter(sessions, free), xrpc: free }
    }
    this.#again = (other) => new PdsClient(sessions, client, identities, limits, other)
  }

  until(signal: AbortSignal, small: SmallBudget | null = null): RepoClient {
    return this.#again(this.#reader.by(this.#xrpc.until(signal, small)))
  }

  read(
    account: ReadyAccount,
    collection: string,
    rkeys: readonly string[],
    hints?: ReadHints,
  ): Promise<Outcome<ReadRecords>> {
    return this.#reader.read(account, collection, rkeys, hints)
  }

  list(
    account: ReadyAccount,
    collection: string,
    hints?: Pick<ReadHints, 'deleted'>,
  ): Promise<Outcome<ReadonlyMap<string, string>>> {
    return this.#reader.list(account, collection, hints)
  }

  compare(account: ReadyAccount, collection: string, options?: CompareOptions): Promise<Outcome<RepoComparison>> {
    return this.#reader.compare(account, collection, options)
  }

  revision(account: ReadyAccount): Promise<Outcome<string | null>> {
    return this.#reader.revision(account)
  }

  revisions(pds: string): Promise<Outcome<ReadonlyMap<string, string>>> {
    return this.#reader.revisions(pds)
  }

  get(
    repo: Pick<ReadyAccount, 'did' | 'pds'>,
    collection: string,
    rkey: string,
    by?: 'operator' | 'anyone',
  ): Promise<Outcome<RepoRecord | null>> {
    return this.#reader.get(repo, collection, rkey, by)
  }

  reach(pds: string): Promise<Outcome> {
    return this.#reader.reach(pds)
  }

  write(
    account: ReadyAccount,
    collection: string,
    writes: readonly RepoWrite[],
    signal: AbortSignal,
    forms?: SwapForms,
  ): Promise<Outcome> {
    return this.#writer.write(account, collection, writes, signal, forms)
  }

  probe(account: ReadyAccount, signal: AbortSignal): Promise<Outcome<HostTraits>> {
    return probeHost(this.#testing(), account, signal)
  }
}
