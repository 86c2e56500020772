// When a batch counts as stored, and what happens where the disk refuses: order of writes, syncs and acknowledgements.

import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { errorCodes } from '../protocol/errors.ts'
import { batchOf, openLog, readAll, uncached } from './log-on-disk.ts'
import type { FileOperation } from './memory-files.ts'
import { MemoryFiles } from './memory-files.ts'
import type { PartitionLog } from './partition-log.ts'

/** A disk whose writes or syncs wait until they are let through. */
function gatedFiles(gated: FileOperation) {
  const files = new MemoryFiles()
  const waiting: (() => void)[] = []
  const seen: string[] = []
  files.before = (operation, path) => {
    seen.push(operation)
    if (operation !== gated || !path.endsWith('.log')) return undefined
    return new Promise<void>((resolve) => waiting.push(resolve))
  }
  const pass = async () => {
    await settled()
    waiting.shift()?.()
    await settled()
  }
  return { files, waiting, seen, pass }
}

/** Everything that can go on without the disk has gone on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

function note(promise: Promise<void>): { state: string } {
  const outcome = { state: 'waiting' }
  promise.then(
    () => (outcome.state = 'stored'),
    () => (outcome.state = 'refused'),
  )
  return outcome
}

describe('with durability fsync', () => {
  test('acks=all waits for the sync, acks=1 for the write; consumers see what is synced', async () => {
    const { files, pass } = gatedFiles('sync')
    const log = openLog({ files })
    const all = note(log.append(batchOf(['a']), -1).durable)
    const one = note(log.append(batchOf(['b']), 1).durable)
    await settled()
    expect([all.state, one.state, log.highWatermark]).toEqual(['waiting', 'stored', 0])
    expect(await log.read(0, 1000, log.highWatermark)).toEqual([])
    await pass()
    expect([all.state, log.highWatermark]).toEqual(['stored', 2])
  })

  test('what arrives during a sync is written together and synced once', async () => {
    const { files, pass, seen } = gatedFiles('sync')
    const log = openLog({ files })
    note(log.append(batchOf(['first']), -1).durable)
    await settled()
    const later = Array.from({ length: 50 }, (_, i) =>
      note(log.append(batchOf([`later ${i}`]), -1).durable),
    )
    await pass()
    expect(log.highWatermark).toBe(1)
    await pass()
    expect(new Set(later.map(({ state }) => state))).toEqual(new Set(['stored']))
    expect(seen.filter((operation) => operation === 'sync')).toHaveLength(2)
    expect(seen.filter((operation) => operation === 'write')).toHaveLength(2)
  })

  test('those who watch are told after the sync, not before', async () => {
    const { files, pass } = gatedFiles('sync')
    const log = openLog({ files })
    const seen: number[] = []
    const stop = log.watch(() => seen.push(log.highWatermark))
    note(log.append(batchOf(['a', 'b']), 0).durable)
    await settled()
    expect(seen).toEqual([])
    await pass()
    expect(seen).toEqual([2])
    stop()
    note(log.append(batchOf(['c']), 0).durable)
    await pass()
    expect(seen).toEqual([2])
  })

  test('a full segment is synced whole before a byte of the next one is written', async () => {
    const files = new MemoryFiles()
    const done: string[] = []
    files.before = (operation, path) => void done.push(`${operation} ${path.slice(-9)}`)
    const log = openLog({ files, settings: { segmentBytes: 100 } })
    note(log.append(batchOf(['a']), -1).durable)
    await log.append(batchOf(['b']), -1).durable
    const inOrder = ['write 00000.log', 'sync 00000.log', 'create 00001.log', 'write 00001.log']
    expect(done.filter((each) => inOrder.includes(each))).toEqual(
      expect.arrayContaining([...inOrder]),
    )
    expect(done.indexOf('sync 00000.log')).toBeLessThan(done.indexOf('create 00001.log'))
    expect(done.lastIndexOf('syncDir s/topic/0')).toBeGreaterThan(done.indexOf('create 00001.log'))
    expect(done.lastIndexOf('syncDir s/topic/0')).toBeLessThan(done.indexOf('write 00001.log'))
  })
})

describe.each(['interval', 'none'] as const)('with durability %s', (durability) => {
  test('acks=all waits for the write, and consumers see what is written', async () => {
    const { files, pass } = gatedFiles('write')
    const log = openLog({ files, shared: { durability } })
    const all = note(log.append(batchOf(['a']), -1).durable)
    await settled()
    expect([all.state, log.highWatermark]).toEqual(['waiting', 0])
    await pass()
    expect([all.state, log.highWatermark]).toEqual(['stored', 1])
  })

  test('a stop syncs everything', async () => {
    const files = new MemoryFiles()
    let syncs = 0
    files.before = (operation) => void (operation === 'sync' && syncs++)
    const log = openLog({ files, shared: { durability, clock: new ManualClock() } })
    await log.append(batchOf(['a']), -1).durable
    expect(syncs).toBe(0)
    expect(await log.close()).toBe(true)
    expect(syncs).toBe(1)
  })
})

test('with durability interval one timer syncs what was written, and none runs while nothing is', async () => {
  const files = new MemoryFiles()
  const clock = new ManualClock()
  let syncs = 0
  files.before = (operation) => void (operation === 'sync' && syncs++)
  const log = openLog({ files, shared: { durability: 'interval', clock } })
  for (let i = 0; i < 10; i++) await log.append(batchOf(['a']), -1).durable
  clock.advance(50)
  await settled()
  expect(syncs).toBe(1)
  clock.advance(5000)
  await settled()
  expect(syncs).toBe(1)
})

describe('a failed sync', () => {
  test('takes the partition offline: nothing is acknowledged or accepted any more', async () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    await log.append(batchOf(['a']), -1).durable
    failOnce(files, 'sync')
    const lost = note(log.append(batchOf(['b']), -1).durable)
    const behind = note(log.append(batchOf(['c']), -1).durable)
    await settled()
    expect([lost.state, behind.state]).toEqual(['refused', 'refused'])
    expect([log.isOffline, log.highWatermark]).toEqual([true, 1])
    expect(log.append(batchOf(['d']), -1).result.errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
    expect(await log.close()).toBe(false)
  })

  test('at any sync of a run leaves everything acknowledged before readable after a restart', async () => {
    for (let failing = 1; failing <= 40; failing++) {
      const files = new MemoryFiles()
      let count = 0
      files.before = (operation) => {
        if (operation === 'sync' && ++count === failing) throw new Error('EIO')
      }
      const acknowledged = await writeUntilRefused(openLog({ files, settings: small }), 30)
      const again = openLog({ files: files.killed(), settings: small, shared: uncached() })
      const values = (await readAll(again)).map(({ value }) => value)
      expect(values.slice(0, acknowledged.length), `sync ${failing}`).toEqual(acknowledged)
    }
  })
})

describe('a full disk', () => {
  test.each(['write', 'whole', 'create'] as const)(
    'that fails a %s refuses batches, and later ones are accepted again',
    async (operation) => {
      for (let failing = 1; failing <= 12; failing++) {
        const files = new MemoryFiles()
        const log = openLog({ files, settings: small })
        let count = 0
        files.before = (each) => {
          if (each === operation && ++count === failing) throw new Error('ENOSPC')
        }
        const stored: string[] = []
        for (let i = 0; i < 30; i++) {
          const outcome = note(log.append(batchOf([`v${i}`]), -1).durable)
          await settled()
          if (outcome.state === 'stored') stored.push(`v${i}`)
        }
        expect(stored.length, `${operation} ${failing}`).toBeGreaterThanOrEqual(29)
        expect(log.isOffline).toBe(false)
        expect((await readAll(log)).map(({ value }) => value)).toEqual(stored)
        const again = openLog({ files: files.killed(), settings: small, shared: uncached() })
        expect((await readAll(again)).map(({ value }) => value)).toEqual(stored)
      }
    },
  )

  test('takes back what was queued behind the failed write, sequences included', async () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    const batch = (sequence: number) => batchOf(['a'], { producer: { id: 1, epoch: 0, sequence } })
    await log.append(batch(0), -1).durable
    failOnce(files, 'write')
    const refused = [1, 2, 3].map((sequence) => note(log.append(batch(sequence), -1).durable))
    await settled()
    expect(refused.map(({ state }) => state)).toEqual(['refused', 'refused', 'refused'])
    // The client tries them again, in order.
    for (const sequence of [1, 2, 3]) {
      const { result, durable } = log.append(batch(sequence), -1)
      await durable
      expect(result).toMatchObject({ errorCode: 0, baseOffset: sequence })
    }
    expect(await readAll(log)).toHaveLength(4)
  })
})

const small = { segmentBytes: 400 }

function failOnce(files: MemoryFiles, failing: FileOperation): void {
  files.before = (operation) => {
    if (operation !== failing) return
    files.before = () => {}
    throw new Error('EIO')
  }
}

async function writeUntilRefused(log: PartitionLog, batches: number): Promise<string[]> {
  const acknowledged: string[] = []
  for (let i = 0; i < batches; i++) {
    const { result, durable } = log.append(batchOf([`v${i}`]), -1)
    if (result.errorCode !== 0) return acknowledged
    try {
      await durable
    } catch {
      return acknowledged
    }
    acknowledged.push(`v${i}`)
  }
  return acknowledged
}
