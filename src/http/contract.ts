/**
 * The shapes of the HTTP API, each once: schemas, which check requests, write answers and describe the API, and the types
 * that follow from them, which the page and the library share.
 *
 * Answers are not bounded as requests are: a mood that an older program stored is shown as it is.
 */

import { type Static, Type } from 'typebox'
import { ACCOUNT_STATES } from '../domain/account.ts'
import { ERASURE_STEPS } from '../domain/erasure.ts'
import { NOTICE_CODES, NOTICE_LEVELS } from '../domain/notice.ts'
import { FEED_PAGE, ID_CHARACTERS, LIMITS } from '../domain/mood-limits.ts'
import { STANDINGS } from '../domain/standings.ts'
import { UNPROVEN_CODES } from '../domain/unproven-codes.ts'
import { SYNC_STATES } from '../domain/sync.ts'

/** One of these texts, as `enum`: unlike a union of literals, it is written without being validated first. */
export function oneOf<const T extends string>(values: readonly T[], options: { readonly description?: string } = {}) {
  return Type.Unsafe<T>({ type: 'string', enum: values, ...options })
}

/** Properties that are not named are refused in requests, and never printed. */
export const CLOSED = { additionalProperties: false }

/** Marks routes that need a token. */
export const SECURED = { security: [{ bearer: [] }] }

// Requests

export const NoQuery = Type.Object({}, CLOSED)
/** A time, and an id of up to three bytes a character, in base64. */
const CURSOR_CHARACTERS = Math.ceil(((17 + 3 * ID_CHARACTERS) * 4) / 3)

export const ById = Type.Object({ id: Type.String() })
export const ByReceipt = Type.Object({ receipt: Type.String() })
export const WithHandle = Type.Object({ handle: Type.String({ maxLength: 100 }) }, CLOSED)
export const EmptyBody = Type.Optional(Type.Union([Type.Object({}, CLOSED), Type.Null()]))

/** {@link FEED_PAGE} as a pattern, since the values of a query are texts. */
const LIMIT_PATTERN = '^([1-9][0-9]?|100)$'

export const FeedQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: LIMIT_PATTERN, description: `1 to ${FEED_PAGE.max}, default ${FEED_PAGE.usual}` }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: CURSOR_CHARACTERS })),
    for: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: 'handles, as in @a,@b' })),
  },
  CLOSED,
)

const Records = oneOf(['withdraw', 'keep'], { description: 'whether records are deleted as well, or stay as they are' })
export const DeleteQuery = Type.Object({ records: Type.Optional(Records) }, CLOSED)

const Intensity = Type.Integer({ minimum: LIMITS.intensityMin, maximum: LIMITS.intensityMax })

/** Either a mood with its details, or `nuke`. */
export const PostBody = Type.Object(
  {
    mood: Type.Optional(Type.String({ description: `1 to ${LIMITS.textGraphemes} characters` })),
    intensity: Type.Optional(Intensity),
    context: Type.Optional(Type.String({ description: `up to ${LIMITS.contextGraphemes} characters` })),
    isPrivate: Type.Optional(Type.Boolean()),
    nuke: Type.Optional(Type.Boolean({ description: 'instead of a mood: delete all moods, or restore them' })),
    records: Type.Optional(Records),
  },
  CLOSED,
)
type PostBody = Static<typeof PostBody>

/** A {@link PostBody} that posts. */
export type NewMood = Omit<PostBody, 'mood' | 'nuke' | 'records'> & { mood: string }

export const PatchBody = Type.Object(
  {
    isPrivate: Type.Optional(Type.Boolean()),
    intensity: Type.Optional(Type.Union([Intensity, Type.Null()])),
    context: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  { ...CLOSED, minProperties: 1 },
)

// Answers

const OptionalHandle = Type.Union([Type.String(), Type.Null()])

export const MoodView = Type.Object({
  id: Type.String({ description: '24 hex digits, or any text for a mood of an older database' }),
  mood: Type.String(),
  when: Type.String({ format: 'date-time' }),
  handle: OptionalHandle,
  intensity: Type.Optional(Type.Integer()),
  context: Type.Optional(Type.String()),
  isPrivate: Type.Boolean(),
  atproto: Type.Object({
    synced: Type.Boolean(),
    state: oneOf(SYNC_STATES),
    reason: Type.String({ description: 'why it is in this state, in words' }),
    uri: Type.Optional(Type.String()),
    cid: Type.Optional(Type.String()),
    error: Type.Optional(Type.Object({ code: Type.String() })),
  }),
})
export type MoodView = Static<typeof MoodView>

export const MoodPageView = Type.Object({
  moods: Type.Array(MoodView),
  cursor: Type.Optional(Type.String({ description: 'where the next page begins; absent on the last page' })),
})
export type MoodPageView = Static<typeof MoodPageView>

export const NukedView = Type.Object({
  nuked: Type.Optional(Type.Integer({ description: 'number of moods deleted' })),
  restored: Type.Optional(Type.Integer({ description: 'number of moods restored' })),
})

/** A record as the PDS holds it. */
export const RecordView = Type.Object({ uri: Type.String(), cid: Type.String(), value: Type.Unknown() })
export type RecordView = Static<typeof RecordView>

export const ProfileView = Type.Object({
  handle: OptionalHandle,
  account: Type.Object({
    state: oneOf(['none', ...ACCOUNT_STATES]),
    did: Type.Optional(Type.String()),
    handle: Type.Optional(Type.String({ description: 'the full handle on the PDS' })),
    error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
  }),
  relays: Type.Array(
    Type.Object({
      relay: Type.String({ description: 'base URL of the relay' }),
      standing: oneOf(STANDINGS, {
        description: 'what is published is written to the repository; visible: the relay passes it on as well',
      }),
      text: Type.String({ description: 'words that can follow “what you publish”' }),
      behindMs: Type.Optional(Type.Integer({ minimum: 0, description: 'how far the relay lags' })),
      checkedAt: Type.String({ format: 'date-time' }),
    }),
    { description: 'whether the network shows what is published, as relays said last; empty where none is asked' },
  ),
})
export type ProfileView = Static<typeof ProfileView>

export const ProofView = Type.Object({
  proof: Type.Union([
    Type.Object({
      did: Type.String(),
      pds: Type.String({ description: 'where the repository is read' }),
      rev: Type.String({ description: 'of the signed commit' }),
      commit: Type.String({ description: 'CID of the signed commit' }),
      records: Type.Integer({ minimum: 0, description: 'records that were proven to be what the database wants' }),
      provenAt: Type.String({ format: 'date-time' }),
      seenAt: Type.String({ format: 'date-time', description: 'when the repository was last seen unchanged' }),
    }),
    Type.Null(),
  ]),
  reason: Type.Optional(
    Type.Object({ code: oneOf(UNPROVEN_CODES), text: Type.String() }, { description: 'why there is no proof' }),
  ),
})
export type ProofView = Static<typeof ProofView>

export const SessionView = Type.Object({ token: Type.String(), sub: Type.String(), handle: Type.String() })
export type SessionView = Static<typeof SessionView>

export const AboutView = Type.Object({
  signIn: oneOf(['trial', 'external'], {
    description: 'trial: a handle is enough; external: users bring tokens of an identity provider',
  }),
  pds: Type.String(),
})
export type AboutView = Static<typeof AboutView>

export const ErasureView = Type.Object({
  receipt: Type.String({ description: 'unguessable; whoever has it may watch' }),
  state: oneOf(['running', 'done']),
  requestedAt: Type.String({ format: 'date-time' }),
  reason: Type.Optional(Type.String({ description: 'what the last try at the next step came to' })),
  steps: Type.Array(
    Type.Object({
      name: oneOf(ERASURE_STEPS),
      state: oneOf(['waiting', 'done', 'not_needed', 'not_possible']),
      at: Type.Optional(Type.String({ format: 'date-time' })),
      found: Type.Optional(Type.String({ description: 'what was found in place of something to do' })),
    }),
  ),
})
export type ErasureView = Static<typeof ErasureView>

export const HealthView = Type.Object({ status: Type.String() })

export const ReadinessView = Type.Object({
  status: Type.String(),
  notices: Type.Array(
    Type.Object({
      code: oneOf(NOTICE_CODES),
      level: oneOf(NOTICE_LEVELS),
      since: Type.Union([Type.String(), Type.Null()]),
      text: Type.String(),
    }),
  ),
})
