// A log that is written at random until the power is cut at random, and what must be true of what is left. One seed is
// one story; the disk in memory leaves one of the states that a real one may.

import { Random } from '../../base/random.ts'
import { batchOf, openLog, readAll, uncached } from './log-on-disk.ts'
import { MemoryFiles } from './memory-files.ts'
import type { PartitionLog } from './partition-log.ts'

export interface Ledger {
  sent: string[]
  acknowledged: number
  deleted: number
}

/** Appends, rolls, deletes and reopens at random; then cuts the power at a random moment, twice. */
export async function cutPower(seed: number) {
  const random = new Random(seed)
  const files = new MemoryFiles()
  const settings = { segmentBytes: 300 + random.int(1500) }
  const ledger = await writeAtRandom(random, files, settings)
  const disk = files.crash(random)
  const recovered = openLog({ files: disk, settings, shared: uncached() })
  const again = openLog({ files: disk.crash(random), settings, shared: uncached() })
  return { ledger, recovered: await contentOf(recovered), again: await contentOf(again) }
}

async function contentOf(log: PartitionLog) {
  return { log, values: (await readAll(log)).map(({ value }) => value) }
}

async function writeAtRandom(
  random: Random,
  files: MemoryFiles,
  settings: { segmentBytes: number },
): Promise<Ledger> {
  const ledger: Ledger = { sent: [], acknowledged: 0, deleted: 0 }
  let log = openLog({ files, settings })
  for (let i = 1 + random.int(60); i > 0; i--) {
    const values = Array.from({ length: 1 + random.int(3) }, () => `v${random.int(1e6)}`)
    ledger.sent.push(...values)
    const end = ledger.sent.length
    const { durable } = log.append(batchOf(values, { padBytes: random.int(300) }), -1)
    const acknowledge = durable.then(() => void (ledger.acknowledged = end))
    if (random.chance(0.6)) await acknowledge
    if (random.chance(0.05)) log.deleteRecordsBefore((ledger.deleted = log.highWatermark))
    if (random.chance(0.05)) {
      await log.close()
      log = openLog({ files, settings })
    }
  }
  for (let i = random.int(12); i > 0; i--) await Promise.resolve()
  return { ...ledger }
}
