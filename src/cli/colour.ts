/**
 * Colours of what people read. Each text is as it was where standard output is no terminal or has no colours, or NO_COLOR is
 * set; FORCE_COLOR sets them anywhere.
 */

import { styleText } from 'node:util'

type Level = 'ok' | 'info' | 'warning' | 'problem' | 'alarm'

const STYLES: Readonly<Record<Level, Parameters<typeof styleText>[0]>> = {
  ok: 'green',
  info: 'cyan',
  warning: 'yellow',
  problem: 'red',
  /** What nobody may overlook. */
  alarm: ['bold', 'red', 'inverse'],
}

/** @param text padded already: what is not seen would count as width */
export function colour(level: Level, text: string): string {
  return styleText(STYLES[level], text, { stream: process.stdout })
}
