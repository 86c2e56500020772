// A partition's log through its door, on a disk in memory.

import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { errorCodes } from '../protocol/errors.ts'
import { readBatchHeader } from '../protocol/record-batch.ts'
import { batchOf, logDir, openLog, readAll, recordsOf, uncached } from './log-on-disk.ts'
import { MemoryFiles } from './memory-files.ts'
import type { PartitionLog } from './partition-log.ts'
import { TailCache } from './tail-cache.ts'

const values = (records: { value: string }[]) => records.map(({ value }) => value)

async function fill(log: PartitionLog, batches: number, padBytes = 0): Promise<string[]> {
  const written: string[] = []
  for (let i = 0; i < batches; i++) {
    const pair = [`${i}a`, `${i}b`]
    await log.append(batchOf(pair, { padBytes }), -1).durable
    written.push(...pair)
  }
  return written
}

describe('appending', () => {
  test('gives offsets without a gap and puts epoch and offset into the batch', async () => {
    const log = openLog({ shared: { leaderEpoch: 7 } })
    const first = log.append(batchOf(['a', 'b', 'c']), -1)
    const second = log.append(batchOf(['d']), -1)
    await second.durable
    expect([first.result.baseOffset, second.result.baseOffset]).toEqual([0, 3])
    const [batch] = (await log.read(3, 1000, 4)) as [Buffer]
    expect(readBatchHeader(batch)).toMatchObject({ baseOffset: 3, leaderEpoch: 7 })
  })

  test('stamps the broker’s time where the topic says so', async () => {
    const clock = new ManualClock(5000)
    const log = openLog({ shared: { clock }, settings: { appendTime: true } })
    const { result, durable } = log.append(batchOf(['a'], { timestampsMs: [1] }), -1)
    await durable
    expect(result.logAppendTimeMs).toBe(5000)
    expect(log.offsetForTimestamp(5000)).toMatchObject({ offset: 0, timestampMs: 5000 })
  })

  test('goes on in a new segment when the old one is full, or old', async () => {
    const files = new MemoryFiles()
    const clock = new ManualClock(0)
    const log = openLog({
      files,
      shared: { clock },
      settings: { segmentBytes: 200, segmentMs: 1000 },
    })
    await fill(log, 4)
    clock.advance(1000)
    await fill(log, 1)
    const logs = files.paths().filter((path) => path.endsWith('.log'))
    expect(logs.length).toBe(3)
    expect(values(await readAll(log))).toHaveLength(10)
  })

  test('counts the bytes that lie from an offset on', async () => {
    const log = openLog()
    await fill(log, 3)
    const bytes = await log.read(2, 1 << 20, 6)
    expect(log.bytesBetween(2, log.highWatermark)).toBe(Buffer.concat(bytes).length)
    expect(log.bytesBetween(6, log.highWatermark)).toBe(0)
  })
})

describe.each([
  ['from memory', {}],
  ['from files', uncached()],
])('reading %s', (_where, shared) => {
  test('begins with the batch that holds the offset', async () => {
    const log = openLog({ shared })
    await log.append(batchOf(['a', 'b', 'c']), -1).durable
    await log.append(batchOf(['d', 'e']), -1).durable
    const slices = await log.read(4, 1, log.highWatermark)
    expect(recordsOf(Buffer.concat(slices))).toEqual([
      { offset: 3, value: 'd' },
      { offset: 4, value: 'e' },
    ])
  })

  test('returns the first batch whole however little is asked for, also one larger than a read', async () => {
    const log = openLog({ shared })
    await log.append(batchOf(['small']), -1).durable
    await log.append(batchOf(['large'], { padBytes: 600_000 }), -1).durable
    await log.append(batchOf(['later'], { padBytes: 600_000 }), -1).durable
    for (const [offset, value] of [
      [0, 'small'],
      [1, 'large'],
      [2, 'later'],
    ] as const) {
      const slices = await log.read(offset, 1000, log.highWatermark)
      expect(recordsOf(Buffer.concat(slices))).toEqual([{ offset, value }])
    }
  })

  test('takes as many whole batches as fit, none that is not visible', async () => {
    const log = openLog({ shared })
    await fill(log, 10)
    const all = Buffer.concat(await log.read(0, 1 << 20, 20))
    const size = all.length / 10
    expect(Buffer.concat(await log.read(0, size * 3 + 1, 20)).length).toBe(size * 3)
    expect(Buffer.concat(await log.read(0, 1 << 20, 8)).length).toBe(size * 4)
    expect(await log.read(8, 1 << 20, 8)).toEqual([])
  })

  test('goes from segment to segment', async () => {
    const log = openLog({ shared, settings: { segmentBytes: 300 } })
    const written = await fill(log, 50)
    expect(values(await readAll(log))).toEqual(written)
    expect(values(await readAll(log, 33))).toEqual(written.slice(33))
  })
})

test('the cache keeps what is newest of all partitions, within its bounds', async () => {
  const cache = new TailCache(60_000)
  const [a, b] = [openLog({ shared: { cache } }), openLog({ shared: { cache } })]
  await fill(a, 1, 1000)
  expect(a.read(0, 1, 2)).not.toBeInstanceOf(Promise)
  await fill(b, 25, 1000)
  // What is answered at once comes from memory.
  expect(a.read(0, 1, 2)).toBeInstanceOf(Promise)
  expect(b.read(48, 1, 50)).not.toBeInstanceOf(Promise)
  expect(values(await readAll(a))).toEqual(['0a', '0b'])
})

describe('idempotent producers', () => {
  const batch = (sequence: number, epoch = 0, id = 9) =>
    batchOf(['a', 'b'], { producer: { id, epoch, sequence } })

  test('a retried batch is answered with its first offset and not written again', async () => {
    const log = openLog()
    for (let i = 0; i < 5; i++) log.append(batch(i * 2), -1)
    const again = log.append(batch(0), -1)
    await again.durable
    expect(again.result).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(log.logEndOffset).toBe(10)
  })

  test('a retry is told the time of the first append', async () => {
    const clock = new ManualClock(5000)
    const log = openLog({ shared: { clock }, settings: { appendTime: true } })
    log.append(batch(0), -1)
    clock.advance(1000)
    expect(log.append(batch(0), -1).result).toMatchObject({ baseOffset: 0, logAppendTimeMs: 5000 })
  })

  test('a retry is not acknowledged before the first copy is synced', async () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    const gate = Promise.withResolvers<void>()
    files.before = (operation) => (operation === 'sync' ? gate.promise : undefined)
    log.append(batch(0), -1)
    let isDurable = false
    const { durable } = log.append(batch(0), -1)
    void durable.then(() => (isDurable = true))
    await new Promise(setImmediate)
    expect(isDurable).toBe(false)
    gate.resolve()
    await durable
    expect(log.highWatermark).toBe(2)
  })

  test.each([
    ['a gap', 4, 0, errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER],
    ['an older epoch', 2, -1, errorCodes.INVALID_PRODUCER_EPOCH],
    ['a new epoch that does not begin at 0', 2, 1, errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER],
    ['a new epoch from 0', 0, 1, errorCodes.NONE],
    ['the next sequence', 2, 0, errorCodes.NONE],
  ])('%s', (_what, sequence, epochStep, errorCode) => {
    const log = openLog()
    log.append(batch(0, 5), -1)
    expect(log.append(batch(sequence, 5 + epochStep), -1).result.errorCode).toBe(errorCode)
  })

  test('one that nothing is known of may begin anywhere', () => {
    expect(openLog().append(batch(1234), -1).result.errorCode).toBe(0)
  })

  test('sequences wrap from the largest number to 0', () => {
    const log = openLog()
    log.append(batch(2 ** 31 - 2), -1)
    expect(log.append(batch(0), -1).result).toMatchObject({ errorCode: 0, baseOffset: 2 })
    expect(log.append(batch(2), -1).result.errorCode).toBe(0)
  })

  test('a batch may straddle the wrap, and its retry is known', () => {
    const log = openLog()
    log.append(batch(2 ** 31 - 3), -1)
    log.append(batch(2 ** 31 - 1), -1)
    expect(log.append(batch(2 ** 31 - 1), -1).result).toMatchObject({ baseOffset: 2 })
    expect(log.append(batch(1), -1).result).toMatchObject({ errorCode: 0, baseOffset: 4 })
  })

  test('are forgotten a day after their last batch, by the broker’s clock', async () => {
    const clock = new ManualClock(0)
    const log = openLog({ shared: { clock } })
    await log.append(batch(0), -1).durable
    clock.advance(24 * 3_600_000)
    await log.applyRetention(clock.now())
    expect(log.append(batch(50), -1).result.errorCode).toBe(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER)
    clock.advance(1)
    await log.applyRetention(clock.now())
    expect(log.append(batch(50), -1).result.errorCode).toBe(0)
  })

  test.each(['closed', 'killed'])('are remembered by a log that was %s', async (end) => {
    const files = new MemoryFiles()
    const log = openLog({ files, settings: { segmentBytes: 200 } })
    for (let i = 0; i < 6; i++) await log.append(batch(i * 2), -1).durable
    if (end === 'closed') await log.close()
    const again = openLog({ files: files.killed() })
    expect(again.append(batch(10), -1).result).toMatchObject({ errorCode: 0, baseOffset: 10 })
    expect(again.append(batch(2), -1).result).toMatchObject({ errorCode: 0, baseOffset: 2 })
    expect(again.append(batch(14), -1).result.errorCode).not.toBe(0)
    expect(again.append(batch(12), -1).result).toMatchObject({ errorCode: 0, baseOffset: 12 })
  })
})

describe('time', () => {
  const at = (...timestampsMs: number[]) =>
    batchOf(
      timestampsMs.map((ms) => `t${ms}`),
      { timestampsMs, padBytes: 300 },
    )

  test('the first record at or after a time is found inside its batch', async () => {
    const log = openLog({ settings: { segmentBytes: 20_000 } })
    for (let i = 0; i < 200; i++) await log.append(at(i * 10, i * 10 + 3, i * 10 + 6), -1).durable
    const times = [...Array(200).keys()].flatMap((i) => [i * 10, i * 10 + 3, i * 10 + 6])
    for (let wanted = 0; wanted <= 1996; wanted++) {
      const expected = times.findIndex((ms) => ms >= wanted)
      expect(log.offsetForTimestamp(wanted), `time ${wanted}`).toMatchObject({ offset: expected })
    }
    expect(log.offsetForTimestamp(1997)).toBeUndefined()
    expect(log.maxTimestampOffset()).toMatchObject({ offset: 599, timestampMs: 1996 })
  })

  test('records out of order are found by the first that reaches the time', async () => {
    const log = openLog()
    for (const times of [[50], [10, 90, 20], [30], [95]]) await log.append(at(...times), -1).durable
    expect(log.offsetForTimestamp(60)).toMatchObject({ offset: 2, timestampMs: 90 })
    expect(log.offsetForTimestamp(91)).toMatchObject({ offset: 5 })
  })

  test('deleted records and records that are not visible are not found', async () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    await log.append(at(10, 20, 30), -1).durable
    log.deleteRecordsBefore(1)
    expect(log.offsetForTimestamp(5)).toMatchObject({ offset: 1 })
    files.before = (operation) =>
      operation === 'sync' ? Promise.withResolvers<void>().promise : undefined
    log.append(at(40), 1)
    expect(log.offsetForTimestamp(35)).toBeUndefined()
    expect(log.maxTimestampOffset()).toMatchObject({ offset: 2 })
  })

  test('of an empty log there is nothing', () => {
    expect(openLog().offsetForTimestamp(0)).toBeUndefined()
    expect(openLog().maxTimestampOffset()).toBeUndefined()
  })
})

describe('old records', () => {
  const old = (ms: number) => batchOf(['x'], { timestampsMs: [ms] })

  test('go with their segment when its newest is past the retention time', async () => {
    const files = new MemoryFiles()
    const settings = { segmentBytes: 160, retentionMs: 1000 }
    const log = openLog({ files, settings })
    for (const ms of [100, 200, 300, 400, 500, 600]) await log.append(old(ms), -1).durable
    await log.applyRetention(1200)
    expect(log.logStartOffset).toBe(0)
    await log.applyRetention(1201)
    expect(log.logStartOffset).toBe(2)
    // The active segment goes, too, once it is wholly past.
    await log.applyRetention(5000)
    expect([log.logStartOffset, log.logEndOffset]).toEqual([6, 6])
    await log.close()
    const again = openLog({ files, settings })
    expect([again.logStartOffset, again.logEndOffset]).toEqual([6, 6])
    await again.append(old(6000), -1).durable
    expect(await readAll(again)).toEqual([{ offset: 6, value: 'x' }])
  })

  test('go by size, but at least retention.bytes stay', async () => {
    const log = openLog({ settings: { segmentBytes: 160, retentionBytes: 400 } })
    for (let i = 0; i < 20; i++) await log.append(old(i), -1).durable
    await log.applyRetention(0)
    expect(log.sizeBytes).toBeGreaterThanOrEqual(400)
    expect(log.sizeBytes).toBeLessThan(400 + 160)
    expect((await readAll(log)).at(0)?.offset).toBe(log.logStartOffset)
  })

  test('stay where the topic only compacts', async () => {
    const log = openLog({ settings: { segmentBytes: 160, retentionMs: 0, deletes: false } })
    for (let i = 0; i < 6; i++) await log.append(old(i), -1).durable
    await log.applyRetention(10_000_000)
    expect(log.logStartOffset).toBe(0)
  })

  test('are deleted up to an offset for good, also in the middle of a batch', async () => {
    const files = new MemoryFiles()
    const log = openLog({ files, settings: { segmentBytes: 200 } })
    await fill(log, 10)
    log.deleteRecordsBefore(7)
    expect(log.logStartOffset).toBe(7)
    log.deleteRecordsBefore(3)
    log.deleteRecordsBefore(1000)
    const again = openLog({ files: files.killed() })
    expect(again.logStartOffset).toBe(7)
    expect((await readAll(again)).map(({ offset }) => offset)).toEqual([
      7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    ])
  })
})

test('an epoch ends where the next one began', async () => {
  const files = new MemoryFiles()
  const first = openLog({ files, shared: { leaderEpoch: 3 } })
  await fill(first, 2)
  await first.close()
  const second = openLog({ files, shared: { leaderEpoch: 5 } })
  expect(second.epochEnd(3)).toEqual({ leaderEpoch: 3, endOffset: 4 })
  await fill(second, 1)
  expect(second.epochEnd(2)).toEqual({ leaderEpoch: -1, endOffset: -1 })
  expect(second.epochEnd(3)).toEqual({ leaderEpoch: 3, endOffset: 4 })
  expect(second.epochEnd(4)).toEqual({ leaderEpoch: 3, endOffset: 4 })
  expect(second.epochEnd(5)).toEqual({ leaderEpoch: 5, endOffset: 6 })
  files.damage(`${logDir}/leader-epochs`, () => Buffer.from('rubbish'))
  expect(openLog({ files: files.killed() }).epochEnd(3)).toEqual({ leaderEpoch: 3, endOffset: 4 })
})

test('a deleted log refuses appends, wakes who waits, and leaves no file', async () => {
  const files = new MemoryFiles()
  const log = openLog({ files })
  await fill(log, 3)
  let woken = 0
  log.watch(() => woken++)
  const reading = openLog({ files, shared: uncached() }).read(0, 100, 6)
  await log.delete()
  expect(woken).toBeGreaterThan(0)
  expect(log.append(batchOf(['x']), -1).result.errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
  expect(files.paths()).toEqual([])
  await reading
})
