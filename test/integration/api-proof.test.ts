/** What the API shows of proofs, and to whom. */

import { expect, it } from 'vitest'
import { opened } from '../../src/domain/account.ts'
import { NO_COUNTS } from '../../src/domain/audit-counts.ts'
import type { GoodLook } from '../../src/domain/looks.ts'
import { aProof } from '../support/audits.ts'
import { startApp, temporaryFolder, Visitor } from '../support/installation.ts'

it('the API shows authors what is proven of their own repository, or why nothing is, and nobody anything of others', async () => {
  await using folder = await temporaryFolder()
  await using app = await startApp(folder.path, { role: 'serve' })
  const stranger = new Visitor(app.address)
  const author = await stranger.as('proven')
  const user = (await app.accounts.userOf('proven'))!
  const [did, pds] = [`did:plc:${'p'.repeat(24)}`, 'https://pds.test']
  const why = async (visitor: Visitor) => (await visitor.send('/api/me/proof')).body
  expect(await why(author)).toMatchObject({ proof: null, reason: { code: 'no_account' } })
  await app.store.accounts.save(opened((await app.store.accounts.byUser(user))!, did, pds, 'sealed'))
  expect(await why(author)).toMatchObject({ proof: null, reason: { code: 'never_audited' } })
  const { commit, rev, records, ...proof } = { ...aProof(1_000), did, seenAt: 2_000 }
  const look = { at: 1_000, rev, counts: NO_COUNTS, findings: {} }
  const note = (more: Partial<GoodLook>, at: number) => {
    return app.store.audits.note(user, { kind: 'good', ...look, proof: null, ...more, at })
  }
  await note({ proof: { ...proof, commit, rev, records } }, 1_000)
  const times = { provenAt: '1970-01-01T00:00:01.000Z', seenAt: '1970-01-01T00:00:02.000Z' }
  expect(await why(author)).toEqual({ proof: { did, pds, rev, commit, records, ...times } })
  await note({ findings: { drift: 1 } }, 3_000)
  expect(await why(author)).toMatchObject({ proof: null, reason: { code: 'findings' } })
  // Of an account that was replaced.
  await note({ proof: aProof(4_000) }, 4_000)
  expect(await why(author)).toMatchObject({ proof: null, reason: { code: 'not_signed' } })
  expect(await why(await stranger.as('bob'))).toMatchObject({ proof: null, reason: { code: 'no_account' } })
  // Erased: nothing is shown from the first moment on.
  await note({ proof: { ...proof, commit, rev, records } }, 5_000)
  expect(await why(author)).toMatchObject({ proof: { did } })
  await app.erasures.request(user)
  expect(await why(author)).toMatchObject({ proof: null, reason: { code: 'being_erased' } })
  expect(await stranger.send('/api/me/proof')).toMatchObject({ status: 401 })
})
