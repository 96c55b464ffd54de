/** Signing in for a trial, signing up, and looking at oneself. */

import { Type } from '@fastify/type-provider-typebox'
import { trialUser } from '../../accounts.ts'
import { parseHandle } from '../../domain/handle.ts'
import { userOf } from '../auth.ts'
import { ProfileSchema, SECURED } from '../schemas.ts'
import type { Http, HttpDeps } from '../deps.ts'
import { profileView } from '../view.ts'

const WithHandle = Type.Object({ handle: Type.String({ maxLength: 100 }) }, { additionalProperties: false })

export function accountRoutes(http: Http, { accounts, auth, trial, pdsUrl }: HttpDeps): void {
  http.get(
    '/api/about',
    {
      schema: {
        summary: 'How this installation lets users in, and where records go',
        response: { 200: Type.Object({ signIn: Type.String(), pds: Type.String() }) },
      },
    },
    async () => ({ signIn: trial ? 'trial' : 'external', pds: pdsUrl }),
  )

  if (trial) {
    http.post(
      '/api/sign-in',
      {
        schema: {
          summary: 'A token for any handle: for trying out, there is no password',
          body: WithHandle,
          response: { 200: Type.Object({ token: Type.String(), sub: Type.String(), handle: Type.String() }) },
        },
      },
      async (request) => {
        const handle = parseHandle(request.body.handle)
        const sub = await trialUser(accounts, handle)
        return { token: await trial.issue(sub), sub, handle }
      },
    )
  }

  http.post(
    '/api/signup',
    {
      schema: {
        summary: 'Take a handle and ask for an ATProto account',
        body: WithHandle,
        response: { 200: ProfileSchema },
        ...SECURED,
      },
    },
    async (request) => profileView(await accounts.signUp(await userOf(request, auth), request.body.handle)),
  )

  http.get(
    '/api/me',
    { schema: { summary: 'The own handle and account', response: { 200: ProfileSchema }, ...SECURED } },
    async (request) => profileView(await accounts.profile(await userOf(request, auth))),
  )
}
