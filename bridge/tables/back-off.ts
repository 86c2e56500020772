// How long to wait before the next try: twice as long each time, up to a limit, and by chance between half of that and all
// of it, so that those who failed together do not come back together.

import type { Random } from '#stack/base/random.ts'

export function backOffMs(
  { firstMs, mostMs }: { firstMs: number; mostMs: number },
  tries: number,
  random: Random,
): number {
  const wholeMs = Math.min(mostMs, firstMs * 2 ** (tries - 1))
  return random.between(wholeMs / 2, wholeMs)
}
