/** A real Chromium, as it comes from the npm registry. */

import chromium from '@sparticuz/chromium'
import { type Browser, chromium as playwright } from 'playwright-core'

/**
 * Not the arguments that the package suggests: those are for AWS Lambda, where all runs in one process, which dies with
 * the first window that is closed. The sandbox needs rights that containers and root do not have.
 */
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']

export async function startBrowser(): Promise<Browser> {
  return playwright.launch({ executablePath: await chromium.executablePath(), args: ARGUMENTS, headless: true })
}
