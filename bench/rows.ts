/** One line of the result: a piece of work, beside what it is compared with. */
export interface Row {
  readonly work: string
  readonly ours: string
  readonly baseline: string
  readonly ratio: number
  readonly target: string
  readonly met: boolean
}

/** Prints a line as soon as it is known. */
export function row(work: string, ours: string, baseline: string, ratio: number, target: string, met: boolean): Row {
  console.log(
    `${met ? '✓' : '✗'} ${work}: ${ratio.toFixed(2)} × (target ${target})   ours ${ours}, baseline ${baseline}`,
  )
  return { work, ours, baseline, ratio: Number(ratio.toFixed(3)), target, met }
}

export function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)]!
}

export function perSecond(n: number, ms: number): string {
  return `${Math.round((n * 1000) / ms)} /s`
}
