/** The page in a real browser, end to end. */

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { sightingOf } from '../../src/domain/sighting.ts'
import { startBrowser } from '../support/browser.ts'
import { startApp, type TemporaryFolder, temporaryFolder, Visitor } from '../support/installation.ts'

const RELAY = 'http://127.0.0.1:1'

describe('the page', () => {
  let folder: TemporaryFolder
  let app: App
  let browser: Browser

  beforeAll(async () => {
    folder = await temporaryFolder()
    // Nothing listens there.
    app = await startApp(folder.path, { env: { RELAYS: RELAY } })
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser.close()
    await app[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  interface Opened extends AsyncDisposable {
    readonly page: Page
    /** Errors and warnings of the browser. */
    readonly complaints: string[]
  }

  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Opened> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    await page.goto(`${app.address}/`)
    return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
  }

  async function signIn(page: Page, handle: string): Promise<void> {
    await page.getByLabel('Handle').fill(handle)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText(`@${handle}`).first().waitFor()
  }

  it('tells authors that what is published may be written and not visible', async () => {
    await using opened = await open()
    const { page } = opened
    await signIn(page, 'page-grace')
    const { sightings } = app.store
    const of = { user: 'trial|page-grace', relay: RELAY, did: 'did:plc:x', pdsRev: null }
    expect(await page.getByLabel('Who can see it').count()).toBe(0)
    await sightings.note(sightingOf(of, { kind: 'known', active: false, status: 'throttled', rev: null }, Date.now()))
    await page.reload()
    await page.getByText('what you publish is written and not visible: the relay has the account').waitFor()
    await sightings.note(sightingOf(of, { kind: 'known', active: true, status: null, rev: null }, Date.now()))
    await page.reload()
    await page.getByText('On 127.0.0.1:1, what you publish is visible').waitFor()
    await sightings.forget('trial|page-grace')
    expect(opened.complaints).toEqual([])
  })

  it('signs in, posts, shows the mood as saved and then as published, and opens the record that the PDS holds', async () => {
    await using opened = await open()
    const { page } = opened
    await signIn(page, 'page-alice')
    await page.getByLabel('How are you?').fill('calm, by the harbour')
    await page.getByRole('button', { name: 'Post' }).click()
    const card = page.locator('.mood', { hasText: 'calm, by the harbour' })
    await card.getByText(/^(saved|published)$/).waitFor()
    await card.getByRole('button', { name: 'published' }).click()

    const dialog = page.getByRole('dialog')
    const shown = {
      uri: await dialog.locator('[data-field=uri]').textContent(),
      cid: await dialog.locator('[data-field=cid]').textContent(),
      value: JSON.parse((await dialog.locator('[data-field=value]').textContent()) ?? '') as unknown,
    }
    const [, , repo, collection, rkey] = (shown.uri ?? '').split('/')
    const query = new URLSearchParams({ repo: repo!, collection: collection!, rkey: rkey! })
    const answer = await fetch(`${app.pdsUrl}/xrpc/com.atproto.repo.getRecord?${query.toString()}`)
    expect(shown).toEqual(await answer.json())
    expect(shown.value).toMatchObject({ text: 'calm, by the harbour', mongoId: await card.getAttribute('data-id') })
    expect(await dialog.getByText('the one computed before sending').count()).toBe(1)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(opened.complaints).toEqual([])
  })

  it('works by keyboard alone', async () => {
    await using opened = await open()
    const { page } = opened
    await page.getByLabel('Handle').waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.type('page-bob')
    await page.keyboard.press('Enter')
    await page.getByLabel('How are you?').waitFor()
    await page.locator('body').press('Tab')
    for (let i = 0; i < 10 && (await page.locator('textarea:focus').count()) === 0; i++)
      await page.keyboard.press('Tab')
    await page.keyboard.type('typed without a mouse')
    await page.keyboard.press('Control+Enter')
    const badge = page.locator('.mood', { hasText: 'typed without a mouse' }).getByRole('button', { name: 'published' })
    await badge.waitFor()
    await badge.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').locator('[data-field=cid]').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(opened.complaints).toEqual([])
  })

  it('shows the posts of others live', async () => {
    await using opened = await open()
    await opened.page.getByText('live', { exact: true }).waitFor()
    const carol = await new Visitor(app.address).as('page-carol')
    const { id } = await carol.post('hello from elsewhere')
    const card = opened.page.locator(`.mood[data-id="${id}"]`)
    await card.getByRole('button', { name: 'published' }).waitFor()
    expect(await card.innerText()).toContain('@page-carol')
  })

  it('shows a private mood to its author alone, in the list of own moods', async () => {
    await using opened = await open()
    const { page } = opened
    await signIn(page, 'page-dave')
    await page.getByLabel('How are you?').fill('between me and me')
    await page.getByLabel('Only for me').check()
    await page.getByRole('button', { name: 'Post' }).click()
    const badge = page.locator('.mood', { hasText: 'between me and me' }).getByText('only you')
    expect(await badge.getAttribute('title')).toBe('private moods never leave the database')
    await page.getByRole('button', { name: 'Everyone' }).click()
    await page.getByText('between me and me').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Handle').waitFor()
    expect(await page.getByText('between me and me').count()).toBe(0)
  })

  it('explains an invalid handle and a mood that is too long, and keeps the text', async () => {
    await using opened = await open()
    const { page } = opened
    await page.getByLabel('Handle').fill('a.b')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('letters, digits and hyphens').waitFor()
    await signIn(page, 'page-erin')
    await page.getByLabel('How are you?').fill('x'.repeat(281))
    await page.getByText('-1 left').waitFor()
    expect(await page.getByRole('button', { name: 'Post' }).isDisabled()).toBe(true)
    expect(await page.getByLabel('How are you?').inputValue()).toHaveLength(281)
  })

  it.each([
    ['a phone in dark mode', { width: 360, height: 700 }, 'dark'],
    ['a desktop in light mode', { width: 1200, height: 800 }, 'light'],
  ] as const)('fits the screen of %s', async (_what, viewport, colorScheme) => {
    await using opened = await open({ viewport, colorScheme })
    const { page } = opened
    await signIn(page, 'page-frank')
    await page.locator('.mood').first().waitFor()
    const overflow = await page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    expect(overflow).toBe(0)
    const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    const [red = 0] = background.match(/\d+/g)?.map(Number) ?? []
    expect(colorScheme === 'dark' ? red < 64 : red > 192).toBe(true)
  })
})
