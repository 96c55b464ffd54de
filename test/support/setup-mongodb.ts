/** Setup of the test files that run a second time on MongoDB. */

import { inject } from 'vitest'

process.env['MOODS_TEST_MONGODB'] = inject('mongo')!.uri
