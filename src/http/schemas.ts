/** Shapes that more than one route speaks of. */

import { Type } from '@fastify/type-provider-typebox'

export const MoodSchema = Type.Object({
  id: Type.String({ description: '24 hex digits' }),
  mood: Type.String(),
  when: Type.String({ format: 'date-time' }),
  handle: Type.Union([Type.String(), Type.Null()]),
  intensity: Type.Optional(Type.Integer()),
  context: Type.Optional(Type.String()),
  isPrivate: Type.Boolean(),
  atproto: Type.Object({
    synced: Type.Boolean(),
    state: Type.String({ description: 'local, pending, published, withdrawn or rejected' }),
    uri: Type.Optional(Type.String()),
    cid: Type.Optional(Type.String()),
    error: Type.Optional(Type.Object({ code: Type.String() })),
  }),
})

export const ProfileSchema = Type.Object({
  handle: Type.Union([Type.String(), Type.Null()]),
  account: Type.Object({
    state: Type.String({ description: 'none, pending, ready or needs_attention' }),
    did: Type.Optional(Type.String()),
    handle: Type.Optional(Type.String()),
    error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
  }),
})

export const ById = Type.Object({ id: Type.String() })

export const SECURED = { security: [{ bearer: [] }] }
