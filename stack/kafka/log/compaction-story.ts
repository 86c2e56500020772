// A compacted log that is written, compacted and reopened at random until the power is cut before one of the disk's
// operations, and what must be true of what is left: the last value of each key, every record at its offset.

import { Random } from '../../base/random.ts'
import { batchOf, openLog, readAll, uncached } from './log-on-disk.ts'
import { MemoryFiles } from './memory-files.ts'
import type { PartitionLog } from './partition-log.ts'

const never = new AbortController().signal

interface Told {
  /** By offset. */
  written: Map<number, string>
  /** Key → offset of the last acknowledged record. */
  last: Map<string, number>
}

/** What was wrong, in words. */
export async function crashInCompaction(seed: number): Promise<string[]> {
  const random = new Random(`compaction/${seed}`)
  const files = new MemoryFiles()
  const settings = {
    compacts: true,
    deletes: false,
    dirtyRatioMin: 0,
    segmentBytes: 200 + random.int(800),
    deleteRetentionMs: 1e9,
  }
  const open = (disk: MemoryFiles) => openLog({ files: disk, settings, shared: uncached() })
  const told: Told = { written: new Map(), last: new Map() }
  let left = random.int(700)
  files.before = () => {
    // From here on nothing happens to the disk any more.
    if (left-- <= 0) throw new Error('the power was cut')
  }
  await write(open(files), random.fork('write'), told).catch(() => {})
  const disk = files.crash(random)
  const recovered = open(disk)
  const wrong = await check(recovered, told)
  await recovered.compact(9e9, never)
  wrong.push(...(await check(recovered, told)).map((each) => `after a pass: ${each}`))
  const again = open(disk.crash(random))
  wrong.push(...(await check(again, told)).map((each) => `after a second cut: ${each}`))
  return wrong
}

async function write(log: PartitionLog, random: Random, told: Told): Promise<void> {
  for (let i = 0; i < 60; i++) {
    const keys = Array.from({ length: 1 + random.int(3) }, () => `k${random.int(6)}`)
    const from = log.logEndOffset
    const values = keys.map((key, at) => `${key} ${from + at}`)
    for (const [at, value] of values.entries()) told.written.set(from + at, value)
    const { result, durable } = log.append(batchOf(values, { keys, padBytes: random.int(100) }), -1)
    if (result.errorCode !== 0) return
    await durable
    for (const [at, key] of keys.entries()) told.last.set(key, from + at)
    if (random.chance(0.2)) await log.compact(i * 1000, never)
  }
}

async function check(log: PartitionLog, { written, last }: Told): Promise<string[]> {
  const wrong: string[] = []
  const records = await readAll(log, 0, 300)
  let before = -1
  for (const { offset, value } of records) {
    if (offset <= before) wrong.push(`offset ${offset} after ${before}`)
    if (written.get(offset) !== value && written.has(offset))
      wrong.push(`offset ${offset} holds ${value}`)
    before = offset
  }
  const found = new Map(records.map(({ key, offset }) => [key, offset]))
  for (const [key, offset] of last)
    if ((found.get(key) ?? -1) < offset) wrong.push(`the record of ${key} at ${offset} is lost`)
  return wrong
}
