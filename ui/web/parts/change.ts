// A change against another period: percent for counts and money, points for rates; of rates none where the difference
// is within what chance alone does (two binomial standard errors). Pure.

import { count, percent } from './format.ts'

export interface Compared {
  value: number | null
  before: number | null
  /** Of rates: denominators, for the test of chance. */
  n?: number
  nBefore?: number
}

/** From here on a factor says more than a percentage. */
const manifold = 10

export interface Change {
  direction: 'up' | 'down' | 'same'
  text: string
}

export function changeOf({ value, before, n, nBefore }: Compared): Change | undefined {
  if (value === null || before === null) return undefined
  const difference = value - before
  if (n !== undefined && nBefore !== undefined) {
    const points = `${sign(difference)}${Math.abs(difference * 100).toFixed(1)} pts`
    if (Math.abs(difference) < 2 * standardError(value, n, before, nBefore)) {
      return { direction: 'same', text: `≈ ${points}` }
    }
    return { direction: directionOf(difference), text: points }
  }
  if (before === 0) return undefined
  const factor = value / before
  const text =
    factor >= manifold
      ? `×${count(Math.round(factor))}`
      : `${sign(difference)}${percent(Math.abs(difference / before))}`
  return { direction: directionOf(difference), text }
}

function directionOf(difference: number): Change['direction'] {
  if (difference === 0) return 'same'
  return difference > 0 ? 'up' : 'down'
}

const sign = (difference: number): string => (difference < 0 ? '−' : '+')

/** Of the difference of two proportions. */
function standardError(a: number, nA: number, b: number, nB: number): number {
  if (nA === 0 || nB === 0) return Infinity
  return Math.sqrt((a * (1 - a)) / nA + (b * (1 - b)) / nB)
}
