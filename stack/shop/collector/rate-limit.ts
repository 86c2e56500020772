// A bucket of tokens per client address: so many requests a second, twice as many at once. The number of buckets is
// bounded; the one that was used longest ago makes room.

export interface RateLimit {
  /** Seconds to wait, 0 when the request may pass. */
  take(address: string, nowMs: number): number
}

const bucketsMax = 10_000

export function createRateLimit(perSecond: number): RateLimit {
  if (perSecond === 0) return { take: () => 0 }
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  const capacity = 2 * perSecond
  return {
    take(address, nowMs) {
      const { tokens, atMs } = buckets.get(address) ?? { tokens: capacity, atMs: nowMs }
      const filled = Math.min(capacity, tokens + ((nowMs - atMs) / 1000) * perSecond)
      const left = filled >= 1 ? filled - 1 : filled
      // A map keeps its keys in the order they were set, so the first is the one not used for longest.
      buckets.delete(address)
      buckets.set(address, { tokens: left, atMs: nowMs })
      if (buckets.size > bucketsMax) buckets.delete(buckets.keys().next().value as string)
      return filled >= 1 ? 0 : Math.ceil((1 - filled) / perSecond)
    },
  }
}
