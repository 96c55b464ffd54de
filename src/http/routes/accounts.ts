/** `/api/signup`, `/api/me`, `/api/me/proof`: the user's handle and ATProto account, and what is proven of its repo. */

import type { Accounts } from '../../accounts.ts'
import { type Authenticator, userOf } from '../auth.ts'
import { ProfileView, ProofView, SECURED, WithHandle } from '../contract.ts'
import type { Http } from '../deps.ts'
import { profileView, proofView } from '../view.ts'

export function accountRoutes(http: Http, accounts: Accounts, auth: Authenticator): void {
  http.post(
    '/api/signup',
    {
      schema: {
        summary: 'Take a handle and ask for an ATProto account',
        body: WithHandle,
        response: { 200: ProfileView },
        ...SECURED,
      },
    },
    async (request) => profileView(await accounts.signUp(await userOf(request, auth), request.body.handle)),
  )

  http.get(
    '/api/me',
    { schema: { summary: 'The own handle and account', response: { 200: ProfileView }, ...SECURED } },
    async (request) => profileView(await accounts.profile(await userOf(request, auth))),
  )

  http.get(
    '/api/me/proof',
    {
      schema: {
        summary: 'The proof that the own repository is what the database wants, or why there is none',
        response: { 200: ProofView },
        ...SECURED,
      },
    },
    async (request) => proofView(await accounts.proven(await userOf(request, auth))),
  )
}
