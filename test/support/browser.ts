/** A real Chromium, as it comes from the npm registry. */

import chromium, { inflate } from '@sparticuz/chromium'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium as playwright } from 'playwright-core'

/**
 * Not the arguments that the package suggests: those are for AWS Lambda, where all runs in one process, which dies with
 * the first window that is closed. The sandbox needs rights that containers and root do not have.
 */
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']

/** The shared libraries that Chromium needs and a bare machine lacks; the package has them for AWS Lambda. */
const LIBRARIES = '../bin/al2023.tar.br'

export async function startBrowser(): Promise<Browser> {
  const executablePath = await chromium.executablePath()
  const libraries = await inflate(fileURLToPath(new URL(LIBRARIES, import.meta.resolve('@sparticuz/chromium'))))
  const fonts = existsSync('/etc/fonts') ? {} : { FONTCONFIG_PATH: join(tmpdir(), 'fonts') }
  const env = { ...process.env, ...fonts, LD_LIBRARY_PATH: join(libraries, 'lib') }
  return playwright.launch({ executablePath, args: ARGUMENTS, headless: true, env })
}
