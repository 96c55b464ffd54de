/** Makes docs/page.png: the page as it looks after a few people have posted. */

import { startBrowser } from '../test/support/browser.ts'
import { startApp, temporaryFolder, Visitor } from '../test/support/installation.ts'
import { eventually } from '../test/support/repo.ts'

await using folder = await temporaryFolder()
await using app = await startApp(folder.path)
const visitor = new Visitor(app.address)
const lines = [
  ['maple', 'First snow on the roof, and nowhere to be.'],
  ['heron', 'Finished the long letter. Lighter than this morning.'],
  ['otter', 'Coffee, rain, a good book: content.'],
] as const
for (const [handle, text] of lines) await (await visitor.as(handle)).post(text)
await eventually('published', async () => (await app.store.work.count()).states.published === lines.length)

const browser = await startBrowser()
const page = await browser.newPage({ viewport: { width: 760, height: 700 }, deviceScaleFactor: 1.5 })
await page.goto(`${app.address}/`)
await page.getByLabel('Handle').fill('robin')
await page.getByRole('button', { name: 'Sign in' }).click()
await page.getByLabel('How are you?').fill('A little tired, in the good way.')
await page.locator('.mood').nth(2).waitFor()
await page.screenshot({ path: 'docs/page.png' })
await browser.close()
