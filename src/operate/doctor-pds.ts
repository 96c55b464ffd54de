/** Whether the PDS and the PLC directory answer, and as they should; what a PDS says of itself, against the configuration. */

import { type InferMethodOutputBody, xrpc } from '@atproto/lex-client'
import type { Config } from '../config.ts'
import { isDead, isFailing, LEDGER, type Limit } from '../domain/budget.ts'
import { CLOCK_REMEDY, clockText } from '../domain/clock-notice.ts'
import { type ClockOffsets, clockOff, FOLLOW_MS, timeOfAnswer } from '../domain/clocks.ts'
import { codeOf, type Failure, isSilent } from '../domain/outcome.ts'
import { counted } from '../domain/tally.ts'
import type { PdsAccess } from '../network.ts'
import { adminAuthorization } from '../pds/host.ts'
import { describeServer, getInviteCodes } from '../pds/methods.ts'
import { readDocument } from '../pds/transport.ts'
import { type Call, Xrpc } from '../pds/xrpc.ts'
import type { Clock } from '../ports/clock.ts'
import type { LedgerStore } from '../ports/store.ts'
import { type Check, type Checks, ok, problem, warning } from './check.ts'

export type Access = PdsAccess & { readonly url: string; readonly plcUrl: string }

type Description = InferMethodOutputBody<typeof describeServer, Uint8Array>

/** Most silent hosts that are asked again. */
const HOSTS = 20

/** What a PDS says of itself, with the headers that come with it. */
const describe: Call<{ readonly body: Description; readonly headers: Headers }> = async (agent, signal) => {
  return xrpc(agent, describeServer, { signal })
}

/** Asks PDSes without counting it. @param pds base URL of the configured PDS, which alone gets to see the bypass key; null for none */
export function doctorsClient(clock: Clock, { pdsTimeoutMs: timeoutMs, bypassKey }: Config, pds: string | null): Xrpc {
  const bypass = bypassKey === null || pds === null ? null : { key: bypassKey, pds }
  return new Xrpc(clock, { timeoutMs, bypassKey: bypass }, null)
}

/** PDSes that have missed a request and answer now: that is noted, so that nobody is told of a silence that is over. */
export async function* answering(client: Xrpc, ledger: LedgerStore): Checks {
  const failing = (await ledger.failing(HOSTS)).filter(({ requests }) => isFailing(requests))
  const answers = await Promise.all(failing.map(({ host }) => client.ask(host, describe)))
  for (const [i, { host, requests }] of failing.entries()) {
    if (isSilent(answers[i]!)) continue
    const key = LEDGER.requests(host)
    await ledger.reachable(key)
    if (answers[i]!.kind === 'ok') await ledger.noteWell(key, [describeServer.nsid])
    const { silentSince } = requests
    const since = silentSince === undefined ? '' : `, which it had not since ${new Date(silentSince).toISOString()}`
    if (isDead(requests)) yield ok('pds', `${host} answers again${since}`)
  }
}

/** @param offsets what is known of other clocks */
export async function* pdsChecks(
  clock: Clock,
  client: Xrpc,
  config: Config,
  access: Access,
  offsets: ClockOffsets,
): Checks {
  const { url, plcUrl } = access
  const started = clock.now()
  const answer = await client.ask(url, describe)
  if (answer.kind !== 'ok') {
    yield unanswered(config, url, answer)
    yield* clockChecks(offsets)
    return
  }
  const { body, headers } = answer.value
  const time = timeOfAnswer(headers.get('date'), headers.get('age'))
  const pds = time === null ? null : Math.round(time - (started + clock.now()) / 2)
  yield ok('pds', `${url} answers, version ${await versionOf(url, config)}`)
  if (time === null) yield warning('clock', 'the PDS does not say what time it is', 'compare its clock by hand')
  yield* clockChecks({ ...offsets, pds })
  yield* accountChecks(client, access, body)
  yield limits(config, headers.get('ratelimit-policy'))
  const plc = await readDocument(`${plcUrl}/_health`, config.pdsTimeoutMs)
  yield plc.kind === 'answer'
    ? ok('plc', `${plcUrl} answers`)
    : warning(
        'plc',
        `${plcUrl} does not answer (${plc.why})`,
        'PLC_URL is the directory that the PDS uses; only checks need it',
      )
}

function unanswered({ remote }: Config, url: string, answer: Failure): Check {
  if (answer.kind === 'uncertain' && answer.said !== undefined) {
    const message = `${url} does not answer as a PDS does: it answered describeServer with ${answer.said}`
    return problem('pds', message, 'is PDS_URL a PDS? See what stands before it: a gateway, a portal, a redirect')
  }
  if (!isSilent(answer)) return problem('pds', `${url} refuses describeServer (${codeOf(answer)})`, 'is PDS_URL a PDS?')
  const remedy = remote === null ? 'start "moods serve": the PDS runs in it' : 'look at PDS_URL, and at the PDS'
  return problem('pds', `${url} does not answer (${codeOf(answer)})`, remedy)
}

/** The reference PDS tells its version; others need not. */
async function versionOf(url: string, { pdsTimeoutMs }: Config): Promise<string> {
  const health = await readDocument(`${url}/xrpc/_health`, pdsTimeoutMs)
  const { version } = Object(health.kind === 'answer' ? health.body : null) as { readonly version?: unknown }
  return typeof version === 'string' && /^[\w.+-]{1,50}$/.test(version) ? version : 'unknown'
}

/** This machine's clock beside those that are known: none where there is no other. */
export function clockChecks(offsets: ClockOffsets): readonly Check[] {
  const others = [...(offsets.store === null ? [] : ['the database']), ...(offsets.pds === null ? [] : ['the PDS'])]
  if (others.length === 0) return []
  const off = clockOff(offsets)
  if (off === null) return [ok('clock', `agrees with that of ${others.join(' and of ')}`)]
  const level = Math.abs(off.aheadMs) > FOLLOW_MS ? problem : warning
  return [level('clock', clockText(off, 1), CLOCK_REMEDY[off.which])]
}

/** Whether accounts can be made: a domain for handles, and the password that invitations need. */
async function* accountChecks(
  client: Xrpc,
  { url, adminPassword }: Access,
  { availableUserDomains, inviteCodeRequired = false }: Description,
): Checks {
  yield availableUserDomains[0] === undefined
    ? problem('handles', 'the PDS offers no domain for handles', 'set PDS_SERVICE_HANDLE_DOMAINS on the PDS')
    : ok('handles', `end with ${availableUserDomains[0]}`)
  const answer = await client.ask(
    url,
    (agent, signal) => xrpc(agent, getInviteCodes, { params: { limit: 1 }, signal }),
    { authorization: adminAuthorization(adminPassword) },
  )
  const needed = inviteCodeRequired ? 'invitations are required' : 'no invitations are required'
  if (answer.kind === 'ok') yield ok('admin', `the PDS takes the admin password; ${needed}`)
  else if (answer.kind === 'unauthorized' && inviteCodeRequired) {
    yield problem(
      'admin',
      `the PDS refuses the admin password, and ${needed}`,
      'PDS_ADMIN_PASSWORD must be that of the PDS',
    )
  } else {
    const why = answer.kind === 'uncertain' && answer.said ? `it answered with ${answer.said}` : codeOf(answer)
    yield warning(
      'admin',
      `the admin password was not taken (${why}); ${needed}`,
      'erasing accounts needs PDS_ADMIN_PASSWORD',
    )
  }
}

/** Our limits against those that the PDS shows: the tightest one of this request, as in `3000;w=300`. */
function limits({ limits: { requests }, bypassKey }: Config, policy: string | null): Check {
  const [, max, seconds] = /(\d+);w=(\d+)/.exec(policy ?? '') ?? []
  const ours: Limit | undefined = requests[0]
  if (max === undefined) {
    return ok(
      'limits',
      ours ? 'the PDS shows none; ours are kept all the same (PDS_RATE_LIMITS)' : 'none on either side',
    )
  }
  const theirs = `the PDS allows ${counted(Number(max), 'request')} in ${seconds} s`
  if (bypassKey !== null)
    return warning(
      'limits',
      `${theirs}, and does not know our bypass key`,
      'PDS_RATE_LIMIT_BYPASS_KEY must be that of the PDS',
    )
  if (!ours) return warning('limits', `${theirs}, and we know of no limit`, 'set PDS_RATE_LIMITS=on')
  if (Number(seconds) * 1000 === ours.windowMs && ours.max > Number(max)) {
    return warning('limits', `${theirs}, and we would send ${ours.max}`, `set REQUESTS_PER_5_MIN=${max}`)
  }
  return ok('limits', theirs)
}
