/** What `moods accounts …` prints with `--json`. */

import { Type } from 'typebox'
import { ACCOUNT_STATES } from '../../domain/account.ts'
import { oneOf } from '../../http/contract.ts'
import { closed, eachOf, many, manyBy, nullable, relayPlan, silent, who } from './shape.ts'

const did = nullable(Type.String())
const pdsHandle = nullable(Type.String({ description: 'the handle of the account on the PDS' }))

export const accountsList = {
  counts: closed({
    users: many,
    withHandle: many,
    withMoods: many,
    without: Type.Integer({ minimum: 0, description: 'users who have moods and no account on the PDS' }),
    states: eachOf(['none', 'pending', 'ready', 'needsAttention', 'odd']),
  }),
  users: Type.Array(
    closed({
      ...who,
      state: oneOf(['none', ...ACCOUNT_STATES]),
      did,
      pdsHandle,
      reason: nullable(
        Type.String({
          description: 'the code of the PDS, or (where it is odd) words, for why the account cannot be used',
        }),
      ),
      moods: Type.Integer({ minimum: 0, description: 'moods that are not deleted' }),
    }),
  ),
}

const provisioned = nullable(
  closed({
    made: Type.Array(closed({ ...who, pdsHandle })),
    failed: Type.Array(closed({ ...who, code: Type.String(), message: Type.String() })),
    reasons: manyBy('the code of the failure'),
    notReached: Type.Integer({
      minimum: 0,
      description: 'neither made nor refused: the PDS did not answer, or the command was stopped',
    }),
    waiting: Type.Integer({ minimum: 0, description: 'of these, requested already' }),
    silent,
  }),
)

export const accountsProvision = {
  executed: Type.Boolean(),
  planned: eachOf(['none', 'pending', 'refused']),
  leftOut: Type.Integer({ minimum: 0, description: 'of these, users whom federation leaves out' }),
  beingErased: many,
  relay: relayPlan,
  result: provisioned,
}

const account = closed({ ...who, did: Type.String() })
const notThere = closed({ ...who, did: Type.String(), why: oneOf(['missing', 'older', 'unread']) })

export const accountsRehost = {
  executed: Type.Boolean(),
  from: Type.String(),
  to: Type.String(),
  accounts: Type.Integer({ minimum: 0, description: 'stored with the old address' }),
  there: Type.Integer({
    minimum: 0,
    description: 'of these, accounts whose repos the new address has, with a mood that was published last',
  }),
  notThere: Type.Array(notThere),
  changed: many,
  madeAt: nullable(Type.String({ description: 'where new accounts are made, if that is not the new address' })),
}

export const accountsReplace = {
  executed: Type.Boolean(),
  accounts: Type.Array(
    closed({
      ...who,
      did: Type.String({ description: 'of the account that is replaced' }),
      pds: Type.String(),
      found: oneOf(['gone', 'takendown', 'suspended', 'deactivated', 'inactive', 'moved', 'replaced']),
      moods: Type.Integer({ minimum: 0, description: 'put to work for the new account; 0 in a dry run' }),
    }),
  ),
  usable: Type.Array(account),
  notReached: many,
  silent,
  result: provisioned,
}

export const accountsSeal = {
  executed: Type.Boolean(),
  accounts: many,
  plain: Type.Integer({ minimum: 0, description: 'passwords that were in plain text' }),
  sealed: many,
  failed: many,
}

export const accountsCheck = {
  checked: many,
  findings: Type.Array(
    closed({
      ...who,
      did,
      problem: oneOf([
        'odd',
        'not_made',
        'refused',
        'did_unknown',
        'did_unreadable',
        'did_deactivated',
        'pds_differs',
        'handle_differs',
        'handle_unresolved',
        'handle_elsewhere',
        'repo_missing',
        'repo_inactive',
      ]),
      detail: Type.String(),
      remedy: Type.String(),
    }),
  ),
  notReached: Type.Integer({
    minimum: 0,
    description: 'of those checked, accounts of which not everything is known: a host did not answer',
  }),
  silent,
  stoppedAfter: nullable(Type.String({ description: 'where --after resumes; null when all were checked' })),
}
