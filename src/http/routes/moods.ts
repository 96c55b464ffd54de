/** `/api/mood`: list, read, post, edit, delete. */

import { Type } from 'typebox'
import { DomainError } from '../../domain/errors.ts'
import { FEED_PAGE } from '../../domain/mood-limits.ts'
import type { Moods } from '../../moods.ts'
import { type Authenticator, userOf, viewerOf } from '../auth.ts'
import {
  ById,
  DeleteQuery,
  FeedQuery,
  MoodPageView,
  MoodView,
  NoQuery,
  NukedView,
  PatchBody,
  PostBody,
  RecordView,
  SECURED,
} from '../contract.ts'
import type { Http } from '../deps.ts'
import { decodeCursor, moodPageView, moodView } from '../view.ts'

export function moodRoutes(http: Http, moods: Moods, auth: Authenticator): void {
  reading(http, moods, auth)
  posting(http, moods, auth)
  changing(http, moods, auth)
}

function reading(http: Http, moods: Moods, auth: Authenticator): void {
  http.get(
    '/api/mood/all',
    {
      schema: {
        summary: 'Moods, newest first; private ones only with `for` and the own token',
        querystring: FeedQuery,
        response: { 200: MoodPageView },
      },
    },
    async (request) => {
      const { limit = FEED_PAGE.usual, cursor, for: handles } = request.query
      const viewer = await viewerOf(request, auth)
      const after = cursor === undefined ? null : decodeCursor(cursor)
      return moodPageView(await moods.feed(handles?.split(',') ?? null, viewer, Number(limit), after))
    },
  )

  http.get(
    '/api/mood/:id',
    {
      schema: {
        summary: 'One mood by its id, or the latest of a user by @handle',
        params: ById,
        querystring: NoQuery,
        response: { 200: MoodView },
      },
    },
    async (request) => {
      const { id } = request.params
      const viewer = await viewerOf(request, auth)
      return moodView(id.startsWith('@') ? await moods.latestOf(id, viewer) : await moods.byId(id, viewer))
    },
  )

  http.get(
    '/api/mood/:id/record',
    {
      schema: {
        summary: 'The record of a mood, read back from the PDS',
        params: ById,
        querystring: NoQuery,
        response: { 200: RecordView },
      },
    },
    async (request) => moods.record(request.params.id, await viewerOf(request, auth)),
  )
}

function posting(http: Http, moods: Moods, auth: Authenticator): void {
  http.post(
    '/api/mood',
    {
      schema: {
        summary: 'Post a mood; or, with `nuke`, delete all moods (true) or restore them (false)',
        body: PostBody,
        response: { 200: Type.Union([MoodView, NukedView]) },
        ...SECURED,
      },
    },
    async (request) => {
      const user = await userOf(request, auth)
      const { mood, nuke, records, ...rest } = request.body
      if (nuke === undefined) {
        if (mood === undefined) throw new DomainError('bad_request', 'body must have a mood')
        if (records !== undefined) throw new DomainError('bad_request', 'records goes with nuke')
        return moodView(await moods.post(user, { mood, ...rest }))
      }
      if (mood !== undefined || Object.keys(rest).length > 0) {
        throw new DomainError('bad_request', 'nuke goes with records alone')
      }
      const count = await moods.nuke(user, nuke ? 'nuke' : 'restore', records)
      return nuke ? { nuked: count } : { restored: count }
    },
  )
}

function changing(http: Http, moods: Moods, auth: Authenticator): void {
  http.patch(
    '/api/mood/:id',
    {
      schema: {
        summary: 'Change privacy, intensity or context of an own mood',
        params: ById,
        body: PatchBody,
        response: { 200: MoodView },
        ...SECURED,
      },
    },
    async (request) => moodView(await moods.edit(await userOf(request, auth), request.params.id, request.body)),
  )

  http.delete(
    '/api/mood/:id',
    {
      schema: {
        summary: 'Delete an own mood, and its record unless that is to be kept',
        params: ById,
        querystring: DeleteQuery,
        response: { 200: MoodView },
        ...SECURED,
      },
    },
    async (request) => {
      const user = await userOf(request, auth)
      return moodView(await moods.delete(user, request.params.id, request.query.records))
    },
  )
}
