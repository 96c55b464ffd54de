/** The bare PDS, spoken to with fetch and nothing else: what every figure is compared with. */

export interface BareAccount {
  readonly did: string
  readonly handle: string
  readonly password: string
  readonly token: string
}

export class BarePds {
  readonly url: string
  readonly #adminPassword: string

  constructor(url: string, adminPassword: string) {
    this.url = url
    this.#adminPassword = adminPassword
  }

  async call(method: string, body: unknown, authorization?: string): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/xrpc/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as Record<string, unknown>
  }

  async createAccount(name: string): Promise<BareAccount> {
    const admin = `Basic ${Buffer.from(`admin:${this.#adminPassword}`).toString('base64')}`
    const { code } = await this.call('com.atproto.server.createInviteCode', { useCount: 1 }, admin)
    const [handle, password] = [`${name}.test`, 'a password that is long enough']
    const body = { handle, email: `${name}@bench.example`, password, inviteCode: code }
    const session = await this.call('com.atproto.server.createAccount', body)
    return { did: String(session['did']), handle, password, token: String(session['accessJwt']) }
  }

  async login(account: BareAccount): Promise<string> {
    const body = { identifier: account.did, password: account.password }
    return String((await this.call('com.atproto.server.createSession', body))['accessJwt'])
  }

  applyWrites(account: BareAccount, writes: unknown[]): Promise<unknown> {
    return this.call('com.atproto.repo.applyWrites', { repo: account.did, writes }, `Bearer ${account.token}`)
  }

  putRecord(account: BareAccount, rkey: string, record: unknown): Promise<unknown> {
    const body = { repo: account.did, collection: 'computer.aesthetic.mood', rkey, record }
    return this.call('com.atproto.repo.putRecord', body, `Bearer ${account.token}`)
  }
}
