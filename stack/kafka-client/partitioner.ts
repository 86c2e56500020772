// Which partition a key belongs to: murmur2 over the key's bytes modulo the partition count, sign bit cleared, as
// Kafka's Java clients choose it, so that other people's producers and ours agree on where a key lives.

const seed = 0x9747b28c | 0
const m = 0x5bd1e995 | 0

export function partitionForKey(key: string | Buffer, partitionCount: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  return (murmur2(bytes) & 0x7fffffff) % partitionCount
}

export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let h = seed ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k =
      at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = length - i
  if (rest > 0) {
    if (rest === 3) h ^= at(bytes, i + 2) << 16
    if (rest >= 2) h ^= at(bytes, i + 1) << 8
    h = Math.imul(h ^ at(bytes, i), m)
  }
  h = Math.imul(h ^ (h >>> 13), m)
  return h ^ (h >>> 15)
}

function at(bytes: Uint8Array, i: number): number {
  return bytes[i] as number
}
