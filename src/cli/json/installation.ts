/** What the commands about an installation print with `--json`: its health, its lexicon, its store, and erasures. */

import { Type } from 'typebox'
import { ERASURE_STEPS, FOUND } from '../../domain/erasure.ts'
import { oneOf } from '../../http/contract.ts'
import { erasure } from './show.ts'
import { closed, many, nullable, time, who } from './shape.ts'

const text = Type.String()

export const doctor = {
  checks: Type.Array(
    closed({ name: text, level: oneOf(['ok', 'warning', 'problem']), message: text, remedy: nullable(text) }),
  ),
}

export const doctorLive = {
  steps: Type.Array(
    closed({
      name: oneOf(['connect', 'write', 'list', 'firehose', 'delete', 'gone']),
      ok: Type.Boolean(),
      ms: Type.Integer({ minimum: 0, description: 'how long it took, in milliseconds' }),
      stopped: Type.Boolean({ description: 'cut short by an interruption: it tells nothing' }),
      answered: Type.Boolean({ description: 'false where the PDS has said nothing at all' }),
      detail: nullable(Type.String({ description: 'what went wrong' })),
    }),
  ),
}

const changes = Type.Array(closed({ path: text, what: text, breaks: nullable(oneOf(['records', 'readers', 'both'])) }))

export const lexiconValidate = {
  file: text,
  nsid: nullable(text),
  problems: Type.Array(text),
  samples: Type.Array(
    closed({
      name: text,
      expected: oneOf(['accepted', 'refused']),
      reason: nullable(Type.String({ description: 'why it was refused' })),
      ok: Type.Boolean(),
    }),
  ),
}

export const lexiconCheck = {
  nsid: text,
  txt: closed({ name: text, asked: Type.Boolean() }),
  did: nullable(text),
  pds: nullable(text),
  uri: nullable(text),
  cid: closed({ published: nullable(text), expected: text }),
  findings: Type.Array(
    closed({ step: oneOf(['dns', 'did', 'record', 'proof', 'document']), problem: text, remedy: text, changes }),
  ),
}

export const lexiconPublish = {
  nsid: text,
  did: nullable(text),
  pds: text,
  uri: nullable(text),
  cid: text,
  action: oneOf(['create', 'nothing', 'change', 'breaking']),
  changes,
  refused: Type.Boolean(),
  executed: Type.Boolean(),
  dns: nullable(Type.String({ description: 'the line for the zone file' })),
}

export const storeCopy = {
  executed: Type.Boolean(),
  written: many,
  equal: Type.Boolean(),
  compared: Type.Array(closed({ kind: text, from: many, to: many, equal: Type.Boolean() })),
  odd: Type.Integer({ minimum: 0, description: 'rows of the source that cannot be read for certain, and stay behind' }),
}

const state = oneOf(['done', 'waiting', 'stuck'])
const watched = { receipt: text, state, reason: nullable(text) }

export const eraseUser = {
  executed: Type.Boolean(),
  extent: closed({
    ...who,
    did: nullable(text),
    moods: many,
    shared: Type.Array(text, {
      description: 'moods that stay: a list that holds the user stands in the place of their author',
    }),
    records: nullable(many),
    account: Type.Boolean({ description: 'whether the account on the PDS is deleted as well' }),
  }),
  erasure: nullable(
    closed({
      ...watched,
      steps: Type.Array(closed({ step: oneOf(ERASURE_STEPS), needed: Type.Boolean(), found: nullable(oneOf(FOUND)) })),
    }),
  ),
}

const tombstone = { tombstone: text, requestedAt: time }

export const eraseRestored = {
  executed: Type.Boolean(),
  returned: Type.Array(closed({ ...tombstone, action: oneOf(['erase', 'purge', 'leave']), older: many, odd: many })),
  purged: many,
  waiting: many,
  erasures: Type.Array(closed(watched)),
  state,
}

/** The oldest first. */
export const eraseOpen = { open: Type.Array(erasure) }

export const eraseTombstones = { tombstones: Type.Array(closed(tombstone)) }
