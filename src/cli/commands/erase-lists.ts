/** `moods erase` for more than one user: erasures under way, tombstones, and users whom a restored backup has brought back. */

import { allTombstones, eraseRestored, readTombstones, type RestoredPlan } from '../../operate/erase-again.ts'
import { openErasures } from '../../operate/erase-open.ts'
import { needsSomebody } from '../../operate/show.ts'
import { describeAgain, describeOpen, describePlan, endingOf } from '../describe/erasure.ts'
import { erasureAsJson } from '../describe/show-json.ts'
import type { Ending } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'

interface Options {
  readonly execute?: boolean
  readonly json?: boolean
}

/** `--open` */
export function listOpen(options: Options): Promise<Ending> {
  return runTask(openInstallation, 'erase', options, {
    work: (app, { onProgress, stop }) => openErasures(app, onProgress, stop),
    text: describeOpen,
    json: ({ open }) => ({ open: open.map(erasureAsJson) }),
    ending: ({ open }) => ({ needsSomebody: open.some(needsSomebody), complete: true }),
  })
}

/** `--tombstones` */
export function printTombstones(options: Options): Promise<Ending> {
  return runTask(openInstallation, 'erase', options, {
    work: (app, { stop }) => allTombstones(app, stop),
    text: (all) => all.map((each) => JSON.stringify(each)).join('\n'),
    json: (all) => ({ tombstones: all }),
    ending: () => endingOf('done'),
  })
}

/** `--restored` @param file of tombstones; null for those of the store alone */
export function eraseAgain(file: string | null, options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'erase', options, {
    work: async (app, { onProgress, stop, announce, plan }) => {
      const fromFile = file === null ? [] : await readTombstones(file)
      const onPlan = (planned: RestoredPlan): void => plan(describePlan(planned, execute))
      return eraseRestored(app, fromFile, execute, { onPlan, onWaiting: announce }, onProgress, stop)
    },
    text: describeAgain,
    json: (result) => result,
    // Users who should be gone are a finding: this is the only command that looks for them.
    ending: ({ state }) => (execute ? endingOf(state) : { needsSomebody: state !== 'done', complete: true }),
  })
}
