/** `npm run relay`: tries the product with the real relay, which is built where Go is at hand. Without Go it says so, and ends. */

import { findRelay } from './build.ts'

const found = findRelay((line) => console.log(line))
if ('missing' in found) console.log(`skipped: there is no relay to try, because ${found.missing}`)
else await import('./run.ts')
