/**
 * An installation with an API, for people who sign in by name: with its own PDS; or, where the tests run on another kind of
 * PDS, with one of that kind.
 */

import type { App } from '../../src/app.ts'
import { startApp, Visitor } from './installation.ts'
import { ProfileProxy, testedProfile } from './profiles.ts'
import { AUDIENCE, startProvider } from './provider.ts'
import { createPds } from './site.ts'

export interface Trial extends AsyncDisposable {
  readonly app: App
  /** Data folder of the PDS. */
  readonly pdsFolder: string
  /** Signs in, and up. */
  visitor(handle: string): Promise<Visitor>
}

/** Under which port the PDS of a folder is reached: its accounts live there. */
const ports = new Map<string, number>()

/** @param folder its data folder, and what the last one left in it @param env more of its environment */
export async function startTrial(folder: string, env: Record<string, string> = {}): Promise<Trial> {
  await using stack = new AsyncDisposableStack()
  const profile = testedProfile()
  if (profile === null) {
    const app = stack.use(await startApp(folder, { role: 'serve', env }))
    const owned = stack.move()
    return {
      app,
      pdsFolder: folder,
      visitor: (handle) => new Visitor(app.address).as(handle),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  }
  const pds = stack.use(await createPds(`${folder}/network`))
  await pds.up()
  const front = stack.use(await ProfileProxy.start(profile, pds.env['PDS_URL']!, ports.get(folder)))
  ports.set(folder, front.port)
  const provider = stack.use(await startProvider())
  const own = {
    ...pds.env,
    PDS_URL: front.url,
    MOODS_SEAL_KEY: Buffer.alloc(32, 7).toString('base64'),
    AUTH_ISSUER: provider.issuer,
    AUTH_AUDIENCE: AUDIENCE,
  }
  const app = stack.use(await startApp(folder, { role: 'serve', env: { ...own, ...env } }))
  const owned = stack.move()
  return {
    app,
    pdsFolder: pds.folder,
    async visitor(handle) {
      const user = new Visitor(app.address, await provider.token(`trial|${handle}`))
      await user.send('/api/signup', { handle })
      return user
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
