// The broker's state as a whole: opened, closed, opened again, on real files.

import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { OperatingError } from '../base/errors.ts'
import { silentLogger } from '../base/logger.ts'
import { listeningLogger, batchOf, readAll } from './log/log-on-disk.ts'
import { openState } from './state.ts'
import type { StateOptions } from './state.ts'

let dataDir = ''

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-state-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const open = (options: Partial<StateOptions> = {}) =>
  openState({
    dataDir,
    nodeId: 1,
    clock: systemClock,
    logger: silentLogger,
    durability: 'fsync',
    ...options,
  })

const topic = {
  name: 't',
  partitionCount: 3,
  replicationFactor: 1,
  assignments: [],
  configs: [],
}

test('topics, records, producer ids and the cluster id outlive a stop; the epoch grows', async () => {
  const first = open()
  await first.catalog.create(topic)
  const log = first.catalog.byName('t')?.partitions[1]
  await log?.append(batchOf(['a', 'b']), -1).durable
  const id = await first.producerIds.allocate()
  await first.close()
  expect(await readdir(dataDir)).toContain('clean')
  const logger = listeningLogger()
  const second = open({ logger })
  const again = second.catalog.byName('t')?.partitions[1]
  expect(second.clusterId).toBe(first.clusterId)
  expect([log?.leaderEpoch, again?.leaderEpoch]).toEqual([1, 2])
  expect(again && (await readAll(again))).toHaveLength(2)
  expect(await second.producerIds.allocate()).toBeGreaterThan(id)
  expect(logger.lines).toEqual([])
  expect(await readdir(dataDir)).not.toContain('clean')
  await second.close()
})

test('a deleted topic takes its committed offsets with it', async () => {
  const state = open()
  await state.catalog.create(topic)
  const ref = { groupId: 'g', memberId: '', generationId: -1, groupInstanceId: null }
  const offset = { topic: 't', partition: 0, offset: 5, leaderEpoch: 0, metadata: null }
  await state.groups.commitOffsets(ref, [{ ...offset, committedMs: 0 }])
  expect(state.groups.committed('g', 't', 0)?.offset).toBe(5)
  await state.catalog.delete('t')
  await state.close()
  const again = open()
  expect(again.groups.committed('g', 't', 0)).toBeUndefined()
  await again.close()
})

test('a partition that cannot be read is offline, the others are served', async () => {
  const first = open()
  await first.catalog.create(topic)
  await first.catalog.byName('t')?.partitions[0]?.append(batchOf(['a']), -1).durable
  await first.close()
  const dir = join(dataDir, 'logs', first.catalog.byName('t')?.id ?? '', '1')
  await rm(dir, { recursive: true })
  await writeFile(dir, 'a file where a folder should be')
  const second = open()
  const partitions = second.catalog.byName('t')?.partitions ?? []
  expect(partitions.map((log) => log.isOffline)).toEqual([false, true, false])
  expect(partitions[1]?.append(batchOf(['x']), -1).result.errorCode).toBe(56)
  await partitions[0]?.append(batchOf(['b']), -1).durable
  await second.close()
  expect(await readdir(dataDir)).not.toContain('clean')
})

test('a folder that another process holds is refused, and says who', async () => {
  await writeFile(join(dataDir, 'lock'), `${process.ppid} the Kafka broker\n`)
  expect(() => open()).toThrow(/in use by the Kafka broker/)
})

test('a damaged description of the data is refused, and the folder is free again', async () => {
  await open().close()
  await truncate(join(dataDir, 'meta.json'), 10)
  expect(() => open()).toThrow(OperatingError)
  expect(await readdir(dataDir)).not.toContain('lock')
})
