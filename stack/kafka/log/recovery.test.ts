// What is left of a log after a crash, bit by bit: torn tails, zeros, flips, power cuts.

import { describe, expect, test } from 'vitest'
import { Random } from '../../base/random.ts'
import { DamagedBatchError } from './batch-read.ts'
import {
  batchOf,
  listeningLogger,
  logDir,
  openLog,
  readAll,
  recordsOf,
  uncached,
} from './log-on-disk.ts'
import { MemoryFiles } from './memory-files.ts'
import type { PartitionLog } from './partition-log.ts'
import { cutPower } from './power-cut.ts'
import { segmentName } from './segment.ts'

const firstFile = `${logDir}/${segmentName(0, 'log')}`

/** Some batches of two records, each durable on its own. */
async function writeLog(files: MemoryFiles, batches = 6): Promise<number[]> {
  const log = openLog({ files })
  const ends: number[] = []
  for (let i = 0; i < batches; i++) {
    await log.append(batchOf([`${i}a`, `${i}b`]), -1).durable
    ends.push(log.sizeBytes)
  }
  return ends
}

const expected = (batches: number) =>
  [...Array(batches).keys()].flatMap((i) => [
    { offset: i * 2, value: `${i}a` },
    { offset: i * 2 + 1, value: `${i}b` },
  ])

describe('a tail that was torn', () => {
  test('at any byte is cut where the last whole batch ends', async () => {
    const files = new MemoryFiles()
    const ends = await writeLog(files)
    const size = ends.at(-1) as number
    for (let cut = 0; cut <= size; cut++) {
      const disk = files.killed()
      disk.damage(firstFile, (bytes) => bytes.subarray(0, cut))
      const logger = listeningLogger()
      const log = openLog({ files: disk, shared: { logger, ...uncached() } })
      const whole = ends.filter((end) => end <= cut).length
      expect(await readAll(log), `cut at ${cut}`).toEqual(expected(whole))
      const isTorn = !ends.includes(cut) && cut > 0
      expect(logger.lines.some((line) => line.includes('torn tail'))).toBe(isTorn)
      await log.append(batchOf(['next']), -1).durable
      expect((await readAll(log)).at(-1)).toEqual({ offset: whole * 2, value: 'next' })
    }
  })

  test('and goes on with zeros, or with bytes that mean nothing, is cut there, too', async () => {
    const files = new MemoryFiles()
    await writeLog(files)
    const random = new Random(7)
    for (const extra of [1, 12, 61, 62, 500, 5000]) {
      for (const byte of [() => 0, () => random.int(256)]) {
        const disk = files.killed()
        disk.damage(firstFile, (bytes) =>
          Buffer.concat([bytes, Buffer.from(Array.from({ length: extra }, byte))]),
        )
        const log = openLog({ files: disk, shared: uncached() })
        expect(await readAll(log)).toEqual(expected(6))
        await log.append(batchOf(['next']), -1).durable
        expect((await readAll(log)).at(-1)).toEqual({ offset: 12, value: 'next' })
      }
    }
  })

  test('is cut once: the second start finds nothing to say', async () => {
    const files = new MemoryFiles()
    await writeLog(files)
    files.damage(firstFile, (bytes) => bytes.subarray(0, -1))
    openLog({ files })
    const logger = listeningLogger()
    openLog({ files: files.killed(), shared: { logger } })
    expect(logger.lines).toEqual([])
  })

  test('of a page that never came is cut, although a batch behind it is whole', async () => {
    const files = new MemoryFiles()
    const ends = await writeLog(files, 30)
    files.damage(firstFile, (bytes) => bytes.fill(0, 1024, 1536))
    const log = openLog({ files })
    const whole = ends.filter((end) => end <= 1024).length
    expect(await readAll(log)).toEqual(expected(whole))
    // Nothing is thrown away.
    expect(files.paths().filter((path) => path.endsWith('.cut'))).toHaveLength(1)
  })
})

describe('a flipped bit', () => {
  test.each([
    ['after a clean stop', closed],
    ['after a kill', async (files: MemoryFiles) => files.killed()],
  ])(
    'anywhere in the log costs its own batch at most, and never a wrong byte, %s',
    async (how, end) => {
      const files = new MemoryFiles()
      const ends = await writeLog(files, 4)
      const disk = await end(files)
      const wrong: string[] = []
      for (let at = 0; at < (ends.at(-1) as number); at++) {
        const log = openLog({ files: flip(disk, firstFile, at), shared: uncached() })
        const damaged = ends.findIndex((each) => at < each)
        // A torn tail looks the same as rot of what was last, unless the log was closed.
        const mayVanish = damaged === 3 && how === 'after a kill'
        for (const [i, record] of expected(4).entries()) {
          const got = await serve(log, record.offset)
          const isRight = got === record.value
          const isRefused = got === 'refused' || (got === 'vanished' && mayVanish)
          if (!isRight && !(isRefused && Math.floor(i / 2) === damaged))
            wrong.push(`byte ${at}, offset ${i}: ${got}`)
        }
      }
      expect(wrong).toEqual([])
    },
    60_000,
  )

  test('in a file beside the log costs nothing', async () => {
    const files = new MemoryFiles()
    const first = openLog({ files, settings: { segmentBytes: 2000 } })
    for (let i = 0; i < 60; i++) await first.append(batchOf([`${i}a`, `${i}b`]), -1).durable
    await first.close()
    const beside = files.paths().filter((path) => !path.endsWith('.log'))
    expect(beside.map((path) => path.replace(/.*[./]/, ''))).toContain('timeindex')
    for (const path of beside) {
      for (let at = 0; at < files.read(path).length; at++) {
        const disk = files.killed()
        disk.damage(path, (bytes) => {
          bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
          return bytes
        })
        const log = openLog({
          files: disk,
          shared: uncached(),
          settings: { segmentBytes: 2000 },
        })
        expect(await readAll(log, 0, 1 << 20), `${path} at ${at}`).toEqual(expected(60))
      }
    }
  }, 60_000)

  test('in a sealed segment is refused, and what lies behind it is served', async () => {
    const files = new MemoryFiles()
    const log = openLog({ files, settings: { segmentBytes: 10_000 }, shared: uncached() })
    for (let i = 0; i < 300; i++) await log.append(batchOf([`${i}a`, `${i}b`]), -1).durable
    files.damage(firstFile, (bytes) => bytes.fill(0xff, 5000, 5001))
    const reading = log.read(0, 1 << 20, log.highWatermark)
    const before = recordsOf(Buffer.concat(await reading))
    expect(before.length).toBeGreaterThan(10)
    const lost = (before.at(-1)?.offset ?? 0) + 1
    await expect(log.read(lost, 1000, log.highWatermark)).rejects.toThrow(DamagedBatchError)
    expect(await readAll(log, lost + 2)).toEqual(expected(300).slice(lost + 2))
  })
})

async function closed(files: MemoryFiles): Promise<MemoryFiles> {
  const disk = files.killed()
  await openLog({ files: disk }).close()
  return disk
}

function flip(files: MemoryFiles, path: string, at: number): MemoryFiles {
  const flipped = files.killed()
  flipped.damage(path, (bytes) => {
    bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
    return bytes
  })
  return flipped
}

/** The value at an offset as a consumer gets it, or how it was not served. */
async function serve(log: PartitionLog, offset: number): Promise<string | undefined> {
  if (offset >= log.highWatermark) return 'vanished'
  try {
    const bytes = Buffer.concat(await log.read(offset, 1, log.highWatermark))
    return recordsOf(bytes).find((record) => record.offset === offset)?.value
  } catch (error) {
    return error instanceof DamagedBatchError ? 'refused' : String(error)
  }
}

describe('a checkpoint', () => {
  test('saves the next start from scanning what lies before it', async () => {
    const files = new MemoryFiles()
    const settings = { segmentBytes: 1500 }
    const log = openLog({ files, settings })
    for (let i = 0; i < 40; i++) await log.append(batchOf([`${i}a`, `${i}b`]), -1).durable
    const disk = files.killed()
    const opened: string[] = []
    for (const path of disk
      .paths()
      .filter((each) => each.endsWith('.log'))
      .slice(0, -1)) {
      // Were it scanned, this would be found and told.
      disk.damage(path, (bytes) => bytes.fill(1, 200, 210))
      opened.push(path)
    }
    const logger = listeningLogger()
    openLog({ files: disk, settings, shared: { logger } })
    expect(opened.length).toBeGreaterThan(1)
    expect(logger.lines).toEqual([])
  })

  test('that is lost costs a scan and nothing else', async () => {
    const files = new MemoryFiles()
    const settings = { segmentBytes: 1500 }
    const log = openLog({ files, settings })
    for (let i = 0; i < 40; i++) await log.append(batchOf([`${i}a`, `${i}b`]), -1).durable
    const disk = files.killed()
    for (const path of disk.paths()) {
      if (!path.endsWith('.log')) disk.remove(path)
    }
    const again = openLog({ files: disk, settings, shared: uncached() })
    expect(await readAll(again)).toEqual(expected(40))
    expect(again.epochEnd(1)).toEqual({ leaderEpoch: 1, endOffset: 80 })
  })
})

describe('a power cut', () => {
  test('after a kill takes nothing that the restarted broker has shown', async () => {
    const files = new MemoryFiles()
    const killed = openLog({ files })
    await killed.append(batchOf(['synced']), -1).durable
    // Killed between the write and the end of its sync.
    files.before = (operation) =>
      operation === 'sync' ? Promise.withResolvers<void>().promise : undefined
    await killed.append(batchOf(['written']), 1).durable
    files.before = () => {}
    const seen = await readAll(openLog({ files }))
    expect(seen).toHaveLength(2)
    for (let seed = 0; seed < 30; seed++) {
      const log = openLog({ files: files.crash(new Random(seed)) })
      expect(await readAll(log)).toEqual(seen)
    }
  })

  test('brings no deleted record back', async () => {
    const files = new MemoryFiles()
    await writeLog(files)
    const log = openLog({ files })
    log.deleteRecordsBefore(5)
    for (let seed = 0; seed < 30; seed++)
      expect(openLog({ files: files.crash(new Random(seed)) }).logStartOffset).toBe(5)
  })

  test('takes nothing that was acknowledged, and leaves nothing in part', async () => {
    for (let seed = 0; seed < 150; seed++) {
      const { ledger, recovered, again } = await cutPower(seed)
      const { logStartOffset: start, logEndOffset: end } = recovered.log
      expect(end, `seed ${seed}`).toBeGreaterThanOrEqual(ledger.acknowledged)
      expect(start, `seed ${seed}`).toBeGreaterThanOrEqual(ledger.deleted)
      expect(recovered.values, `seed ${seed}`).toEqual(ledger.sent.slice(start, end))
      // And a second crash, in the recovered log, finds the same.
      expect(again.values, `seed ${seed}`).toEqual(recovered.values)
    }
  }, 60_000)
})
