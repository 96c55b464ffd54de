/** The version of this package. */

import { createRequire } from 'node:module'

/** As package.json has it, such as `1.2.3`: it is the same file for the sources and for what is built of them. */
export const VERSION = (createRequire(import.meta.url)('moods/package.json') as { version: string }).version
