/** Whether relays answer, and what they know of our PDS. */

import type { Config } from '../config.ts'
import { codeOf } from '../domain/outcome.ts'
import { CROWD_REMEDY, isCrowded } from '../domain/relay.ts'
import { counted } from '../domain/tally.ts'
import { askHostAtRelay } from '../pds/relay.ts'
import type { Xrpc } from '../pds/xrpc.ts'
import type { HostAtRelay } from '../ports/sightings.ts'
import { type Check, type Checks, ok, warning } from './check.ts'

const CRAWL = '"moods relays crawl --execute" asks it to crawl the PDS'

/** Asks each relay once. @param pds base URL of the configured PDS */
export async function* relayChecks(
  client: Xrpc,
  { relays, relayAccountLimit }: Pick<Config, 'relays' | 'relayAccountLimit'>,
  pds: string,
): Checks {
  if (relays.length > 0 && relayAccountLimit === null) {
    const message = 'how many accounts a relay admits is not set, so its limits are not kept'
    yield warning('relays', message, 'set RELAY_ACCOUNT_LIMIT; it is 100 for a new PDS at most relays')
  }
  const answers = await Promise.all(relays.map((relay) => askHostAtRelay(client, relay, pds)))
  for (const [i, answer] of answers.entries()) {
    const relay = relays[i]!
    if (answer.kind === 'ok') yield known(relay, answer.value, relayAccountLimit)
    else if (answer.kind === 'uncertain' && answer.said !== undefined) {
      const message = `${relay} does not tell how it stands with the PDS: it answered getHostStatus with ${answer.said}`
      yield warning(
        'relay',
        message,
        'is RELAYS right? An older relay has no such method, and says of accounts what it knows',
      )
    } else {
      const message = `${relay} does not answer (${codeOf(answer)})`
      yield warning('relay', message, 'look at RELAYS; nothing that is published waits for a relay')
    }
  }
}

function known(relay: string, host: HostAtRelay | null, accountLimit: number | null): Check {
  if (host === null) {
    return warning('relay', `${relay} does not know the PDS: nothing that is published is visible there`, CRAWL)
  }
  const { status, accounts } = host
  if (status !== null && status !== 'active') {
    const message = `${relay} knows the PDS, which is "${status}" there: what is published now may not be visible`
    const remedy = status === 'banned' ? 'only the operator of the relay can undo that' : CRAWL
    return warning('relay', message, remedy)
  }
  const message = `${relay} follows the PDS${accounts === null ? '' : `, with ${counted(accounts, 'account')}`}`
  if (accounts === null || accountLimit === null) return ok('relay', message)
  if (!isCrowded(accounts, accountLimit)) return ok('relay', `${message} of the ${accountLimit} that it admits`)
  const beyond = accounts > accountLimit ? ': those that came last are not visible' : ''
  return warning(
    'relay',
    `${message} of the ${accountLimit} that it admits (RELAY_ACCOUNT_LIMIT)${beyond}`,
    CROWD_REMEDY,
  )
}
