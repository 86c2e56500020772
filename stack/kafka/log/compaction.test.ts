// What compaction leaves behind, and what a crash in the middle of it leaves behind.

import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { crashInCompaction } from './compaction-story.ts'
import { batchOf, listeningLogger, logDir, openLog, readAll, uncached } from './log-on-disk.ts'
import type { OpenOptions } from './log-on-disk.ts'
import { MemoryFiles } from './memory-files.ts'
import type { LogSettings, PartitionLog } from './partition-log.ts'

const never = new AbortController().signal
const compacting: Partial<LogSettings> = {
  compacts: true,
  deletes: false,
  segmentBytes: 150,
  dirtyRatioMin: 0,
}

/** One record a batch, one or two batches a segment. */
async function write(log: PartitionLog, records: [key: string | null, value: string | null][]) {
  for (const [key, value] of records)
    await log.append(batchOf([value], { keys: [key], timestampsMs: [1000] }), -1).durable
}

async function contentOf(log: PartitionLog): Promise<string[]> {
  const records = await readAll(log)
  return records.map(({ offset, key, value }) => `${offset} ${key}=${value}`)
}

const openCompacting = (options: OpenOptions = {}) =>
  openLog({ ...options, settings: { ...compacting, ...options.settings } })

describe('a pass', () => {
  test('leaves the last record of each key where it was, and all of the open segment', async () => {
    const files = new MemoryFiles()
    const log = openCompacting({ files, shared: uncached() })
    await write(log, [['a', '1'], ['b', '1'], ['a', '2'], ['c', '1'], ['b', '2'], ['a', '3']]) // prettier-ignore
    await write(log, [['x', '1'], ['x', '2']]) // prettier-ignore
    await log.compact(2_000_000, never)
    const left = ['3 c=1', '4 b=2', '5 a=3', '6 x=1', '7 x=2']
    expect(await contentOf(log)).toEqual(left)
    await log.close()
    const again = openCompacting({ files, shared: uncached() })
    expect(await contentOf(again)).toEqual(left)
    expect(again.logEndOffset).toBe(8)
  })

  test('reads on where an offset is gone: at the next one that is there', async () => {
    const log = openCompacting({ shared: uncached() })
    await write(
      log,
      Array.from({ length: 20 }, (_, i) => ['k', String(i)]),
    )
    await log.compact(2_000_000, never)
    const [first] = await log.read(3, 1, log.highWatermark)
    expect(first?.readInt32BE(4)).toBeGreaterThan(3)
  })

  test('makes one file of many small ones', async () => {
    const files = new MemoryFiles()
    const log = openCompacting({ files })
    const more = () =>
      write(
        log,
        Array.from({ length: 40 }, (_, i) => [`k${i % 2}`, String(i)]),
      )
    const logs = () => files.list(logDir).filter((name) => name.endsWith('.log')).length
    await more()
    const before = logs()
    await log.compact(2_000_000, never)
    await more()
    await log.compact(2_000_000, never)
    // Those of the first pass are one by now, those of the second will be.
    expect(logs()).toBeLessThan(before + 3)
    expect(await contentOf(log)).toHaveLength(4)
  })

  test('waits until enough is dirty, and does not take what is too young', async () => {
    const log = openCompacting({ settings: { dirtyRatioMin: 0.5 } })
    await write(log, [['a', '1'], ['a', '2'], ['a', '3'], ['b', '1']]) // prettier-ignore
    await log.compact(2_000_000, never)
    const once = await contentOf(log)
    expect(once.length).toBeLessThan(4)
    const young = openCompacting({ settings: { compactionLagMsMin: 5000 } })
    await write(young, [['a', '1'], ['a', '2'], ['a', '3']]) // prettier-ignore
    await young.compact(3000, never)
    expect(await contentOf(young)).toHaveLength(3)
    await young.compact(6000, never)
    expect(await contentOf(young)).not.toHaveLength(3)
  })

  test('is overdue when a record has waited for the longest time, the open segment is rolled', async () => {
    const clock = new ManualClock(0)
    const settings = { dirtyRatioMin: 1, compactionLagMsMax: 5000, segmentBytes: 1 << 20 }
    const log = openCompacting({ settings, shared: { clock } })
    await write(log, [['a', '1'], ['a', '2']]) // prettier-ignore
    await log.compact(4000, never)
    expect(await contentOf(log)).toHaveLength(2)
    await log.compact(10_000, never)
    await write(log, [['b', '1']]) // prettier-ignore
    await log.compact(10_001, never)
    expect(await contentOf(log)).toEqual(['1 a=2', '2 b=1'])
  })

  test('leaves a damaged partition as it is, and says so by failing', async () => {
    const files = new MemoryFiles()
    const log = openCompacting({ files, shared: uncached() })
    await write(log, [['a', '1'], ['a', '2'], ['a', '3'], ['a', '4']]) // prettier-ignore
    files.damage(`${logDir}/${'0'.repeat(20)}.log`, (bytes) => {
      bytes[70] = (bytes[70] as number) ^ 1
      return bytes
    })
    await expect(log.compact(2_000_000, never)).rejects.toThrow(/damaged/)
    expect(files.paths().filter((path) => path.endsWith('.cleaned'))).toEqual([])
  })
})

test('a tombstone stays for its time behind the pass that met it first', async () => {
  const log = openCompacting({ shared: uncached(), settings: { deleteRetentionMs: 1000 } })
  await write(log, [['a', '1'], ['a', null], ['b', '1'], ['b', '2']]) // prettier-ignore
  const gone = async (nowMs: number) => {
    await write(log, [['b', `${nowMs}`], ['b', 'x']]) // prettier-ignore
    await log.compact(nowMs, never)
    return !(await contentOf(log)).includes('1 a=null')
  }
  expect([await gone(5000), await gone(5999), await gone(6000), await gone(7000)]).toEqual([
    false,
    false,
    true,
    true,
  ])
})

describe('a transaction', () => {
  const batch = (key: string, value: string, sequence: number) =>
    batchOf([value], {
      keys: [key],
      timestampsMs: [1000],
      producer: { id: 7, epoch: 0, sequence },
      transactional: true,
    })

  test('that was aborted goes at once, its marker with time, and never its list before', async () => {
    const log = openCompacting({ shared: uncached() })
    await write(log, [['a', 'kept']]) // prettier-ignore
    await log.append(batch('a', 'aborted', 0), -1).durable
    await log.appendMarker(7, 0, { commits: false, coordinatorEpoch: 1 }).durable
    await write(log, [['b', '1'], ['b', '2'], ['b', '3']]) // prettier-ignore
    await log.compact(5000, never)
    expect(await contentOf(log)).toContain('0 a=kept')
    expect(JSON.stringify(await contentOf(log))).not.toContain('aborted')
    expect(log.abortedBetween(0, 100)).toMatchObject([{ producerId: 7, firstOffset: 1 }])
  })

  test('that is open holds compaction back', async () => {
    const log = openCompacting({ shared: uncached() })
    await log.append(batch('a', 'open', 0), -1).durable
    await write(log, [['a', '1'], ['a', '2'], ['a', '3'], ['a', '4']]) // prettier-ignore
    await log.compact(5000, never)
    expect(await contentOf(log)).toHaveLength(5)
    await log.appendMarker(7, 0, { commits: true, coordinatorEpoch: 1 }).durable
    await write(log, [['x', '1'], ['x', '2']]) // prettier-ignore
    await log.compact(5000, never)
    expect(await contentOf(log)).not.toContain('0 a=open')
  })

  test('leaves the sequence of its producer behind, also for a start without checkpoints', async () => {
    const files = new MemoryFiles()
    const log = openCompacting({ files })
    await log.append(batch('a', '1', 0), -1).durable
    await log.appendMarker(7, 0, { commits: true, coordinatorEpoch: 1 }).durable
    for (let i = 0; i < 3; i++) {
      await write(log, [['a', '2'], ['a', '3'], ['a', '4']]) // prettier-ignore
      await log.compact(5000 * (i + 1), never)
    }
    for (const path of files.paths()) if (path.endsWith('.snapshot')) files.remove(path)
    const logger = listeningLogger()
    const again = openCompacting({ files: files.killed(), shared: { logger } })
    expect(logger.lines).toEqual([])
    expect(again.lastStableOffset).toBe(again.logEndOffset)
    expect(again.append(batch('a', 'skips', 5), -1).result.errorCode).toBe(45)
    expect(again.append(batch('a', 'next', 1), -1).result.errorCode).toBe(0)
  })
})

test('a checkpoint from before a pass is not believed, should the newest one be damaged', async () => {
  const files = new MemoryFiles()
  const log = openCompacting({ files })
  await write(
    log,
    Array.from({ length: 9 }, (_, i) => ['k', String(i)]),
  )
  await log.compact(5000, never)
  const left = await contentOf(log)
  const newest = files.paths().findLast((path) => path.endsWith('.snapshot')) as string
  files.damage(newest, (bytes) => bytes.fill(0, 0, 8))
  expect(await contentOf(openCompacting({ files: files.killed() }))).toEqual(left)
})

test('a crash anywhere in a pass loses no last value and moves no record', async () => {
  for (let seed = 140; seed < 180; seed++)
    expect(await crashInCompaction(seed), `seed ${seed}`).toEqual([])
})
