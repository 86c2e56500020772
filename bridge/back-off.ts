// How long to wait before the next try: twice as long each time, up to a limit, and by chance between half of that and all
// of it, so that those who failed together do not come back together.

export interface BackOff {
  firstMs: number
  mostMs: number
}

/** `tries` from 1; `chance` from 0 to 1. */
export function backOffMs({ firstMs, mostMs }: BackOff, tries: number, chance: number): number {
  const wholeMs = Math.min(mostMs, firstMs * 2 ** (tries - 1))
  return Math.round(wholeMs * (0.5 + chance / 2))
}
