/** `/api/about`, `/api/sign-in`: how users sign in, and signing in for a trial. */

import { type Accounts, trialUser } from '../../accounts.ts'
import { parseHandle } from '../../domain/handle.ts'
import { AboutView, SessionView, WithHandle } from '../contract.ts'
import type { Http } from '../deps.ts'
import type { TrialSignIn } from '../trial.ts'

/** @param trial null where users sign in elsewhere: then there is no `/api/sign-in` */
export function signInRoutes(http: Http, accounts: Accounts, trial: TrialSignIn | null, pdsUrl: string): void {
  http.get(
    '/api/about',
    {
      schema: { summary: 'How this installation lets users in, and where records go', response: { 200: AboutView } },
    },
    async () => ({ signIn: trial ? ('trial' as const) : ('external' as const), pds: pdsUrl }),
  )

  if (!trial) return
  http.post(
    '/api/sign-in',
    {
      schema: {
        summary: 'A token for any handle: for trying out, there is no password',
        body: WithHandle,
        response: { 200: SessionView },
      },
    },
    async (request) => {
      const handle = parseHandle(request.body.handle)
      const sub = await trialUser(accounts, handle)
      return { token: await trial.issue(sub), sub, handle }
    },
  )
}
