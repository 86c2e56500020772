// The cached tails of several partitions against a list that forgets nothing.

import { expect, test } from 'vitest'
import { Random } from '../../base/random.ts'
import { crc32c } from '../protocol/crc32c.ts'
import { PartitionTail, TailCache } from './tail-cache.ts'

interface Known {
  baseOffset: number
  lastOffset: number
  bytes: Buffer
}

/** What the cache must answer, given all batches: whole ones, the first in any case, below `upTo`, up to `maxBytes`. */
function expected(known: readonly Known[], offset: number, maxBytes: number, upTo: number): Buffer {
  const taken: Buffer[] = []
  let bytes = 0
  for (const batch of known) {
    if (batch.lastOffset < offset) continue
    const isTooMuch = taken.length > 0 && bytes + batch.bytes.length > maxBytes
    if (batch.lastOffset >= upTo || isTooMuch) break
    taken.push(batch.bytes)
    bytes += batch.bytes.length
  }
  return Buffer.concat(taken)
}

test('whatever is added, cut and asked for, it answers right or not at all', () => {
  let answered = 0
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(seed)
    const cache = new TailCache(random.pick([0, 40_000, 300_000, 10_000_000]))
    const partitions = [0, 1, 2].map(() => ({ tail: new PartitionTail(), known: [] as Known[] }))
    for (let step = 0; step < 300; step++) {
      const partition = random.pick(partitions)
      change(cache, partition, random)
      const answer = ask(partition, random)
      if (answer.found) answered++
      expect(answer.found ?? answer.right, `seed ${seed}, step ${step}`).toEqual(answer.right)
    }
  }
  expect(answered).toBeGreaterThan(1000)
})

interface Partition {
  tail: PartitionTail
  known: Known[]
}

function change(cache: TailCache, { tail, known }: Partition, random: Random): void {
  const baseOffset = (known.at(-1)?.lastOffset ?? -1) + 1
  const bytes = Buffer.alloc(random.pick([70, 300, 5000, 40_000]), random.int(256))
  const batch = { baseOffset, lastOffset: baseOffset + random.int(5), bytes }
  known.push(batch)
  cache.add(tail, bytes, batch.baseOffset, batch.lastOffset)
  if (!random.chance(0.03)) return
  const [first] = known.splice(random.int(known.length))
  if (first) cache.truncate(tail, first.baseOffset)
}

function ask({ tail, known }: Partition, random: Random) {
  const end = (known.at(-1)?.lastOffset ?? -1) + 1
  const offset = random.int(end + 1)
  const upTo = random.pick([end, ...known.map(({ lastOffset }) => lastOffset + 1)])
  const maxBytes = random.pick([0, 100, 6000, 1 << 20])
  const slices = tail.read(offset, maxBytes, upTo)
  const right = {
    hash: hashOf(expected(known, offset, maxBytes, upTo)),
    bytes: expected(known, offset, Infinity, upTo).length,
  }
  const found = slices && {
    hash: hashOf(Buffer.concat(slices)),
    bytes: tail.bytesBetween(offset, upTo),
  }
  return { right, found }
}

function hashOf(bytes: Buffer): string {
  return `${bytes.length} ${crc32c(bytes)}`
}

test('many small batches are read as few long slices', () => {
  const cache = new TailCache(1 << 20)
  const tail = new PartitionTail()
  for (let i = 0; i < 1000; i++) cache.add(tail, Buffer.alloc(100), i, i)
  expect(tail.read(0, 1 << 20, 1000)?.length).toBeLessThan(6)
})

test('a partition that is gone gives its room back', () => {
  const cache = new TailCache(200_000)
  const [gone, stays] = [new PartitionTail(), new PartitionTail()]
  cache.add(stays, Buffer.alloc(10_000), 0, 0)
  for (let i = 0; i < 5; i++) cache.add(gone, Buffer.alloc(10_000), i, i)
  cache.forget(gone)
  for (let i = 1; i < 6; i++) cache.add(stays, Buffer.alloc(10_000), i, i)
  expect(stays.read(0, 1, 6)).toBeDefined()
  expect(gone.read(0, 1, 6)).toBeUndefined()
})
