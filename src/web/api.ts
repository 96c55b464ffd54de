/** The API as the page uses it. */

import type {
  AboutView,
  MoodPageView,
  MoodView,
  NewMood,
  ProfileView,
  RecordView,
  SessionView,
} from '../http/contract.ts'

/** A user who is signed in; kept in the browser. */
export type Session = Pick<SessionView, 'token' | 'handle'>

/** A refusal, in the server's words; status 0 when the server could not be reached. */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function call<T>(path: string, session: Session | null, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {}
  if (session) headers['authorization'] = `Bearer ${session.token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
  let response: Response
  try {
    response = await fetch(path, init)
  } catch {
    throw new ApiError(0, 'The server cannot be reached. Your text is still here; try again in a moment.')
  }
  const answer = (await response.json().catch(() => ({}))) as { message?: string }
  if (!response.ok) throw new ApiError(response.status, answer.message ?? `The server answered ${response.status}.`)
  return answer as T
}

export const about = (): Promise<AboutView> => call('/api/about', null)

/** Signs in with a handle and, the first time, signs it up. */
export async function signIn(handle: string): Promise<Session> {
  const session = await call<SessionView>('/api/sign-in', null, { handle })
  await call('/api/signup', session, { handle: session.handle })
  return { token: session.token, handle: session.handle }
}

/** The signed-in user’s own account, and whether the network shows it. */
export const me = (session: Session): Promise<ProfileView> => call('/api/me', session)

export const post = (session: Session, mood: NewMood): Promise<MoodView> => call('/api/mood', session, mood)

/** @param mine only the moods of the signed-in user, private ones too */
export function list(session: Session | null, mine: boolean, cursor?: string): Promise<MoodPageView> {
  const query = new URLSearchParams({ limit: '30' })
  if (mine && session) query.set('for', `@${session.handle}`)
  if (cursor) query.set('cursor', cursor)
  return call(`/api/mood/all?${query}`, session)
}

export const record = (session: Session | null, id: string): Promise<RecordView> =>
  call(`/api/mood/${id}/record`, session)
