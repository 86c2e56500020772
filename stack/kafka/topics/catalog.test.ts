// The topics through their catalog, on a disk in memory.

import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { Journal } from '../journal/journal.ts'
import { FlushLimit } from '../log/flush-limit.ts'
import { LoadedIndexes } from '../log/loaded-indexes.ts'
import { batchOf, listeningLogger, readAll } from '../log/log-on-disk.ts'
import { MemoryFiles } from '../log/memory-files.ts'
import { TailCache } from '../log/tail-cache.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { CatalogOptions } from './catalog.ts'
import { TopicCatalog } from './catalog.ts'
import type { NewTopic } from './new-topic.ts'
import { partitionsMax } from './new-topic.ts'

const {
  INVALID_CONFIG,
  INVALID_PARTITIONS,
  INVALID_REPLICA_ASSIGNMENT,
  INVALID_REPLICATION_FACTOR,
  INVALID_REQUEST,
  INVALID_TOPIC_EXCEPTION,
  KAFKA_STORAGE_ERROR,
  NONE,
  TOPIC_ALREADY_EXISTS,
  UNKNOWN_TOPIC_OR_PARTITION,
} = errorCodes

function open(files = new MemoryFiles(), options: Partial<CatalogOptions> = {}) {
  const clock = new ManualClock(1_000_000)
  const common = { files, clock, logger: silentLogger, durability: 'fsync' as const }
  const journal = new Journal({ dir: '/data/journal', ...common })
  const catalog = new TopicCatalog({
    logsDir: '/data/logs',
    nodeId: 1,
    journal,
    shared: {
      ...common,
      cache: new TailCache(1 << 20),
      indexes: new LoadedIndexes(4),
      flushLimit: new FlushLimit(4),
      leaderEpoch: 1,
    },
    logger: silentLogger,
    clock,
    defaultPartitions: 2,
    clampReplication: true,
    brokerConfigs: new Map([['segment.bytes', '134217728']]),
    ...options,
  })
  journal.recover()
  catalog.open()
  return { catalog, files, clock }
}

const topic = (changes: Partial<NewTopic> = {}): NewTopic => ({
  name: 't',
  partitionCount: -1,
  replicationFactor: -1,
  assignments: [],
  configs: [],
  ...changes,
})

describe('creating', () => {
  test('a topic with defaults makes its partitions, and it is there after a kill', async () => {
    const { catalog, files } = open()
    const created = await catalog.create(topic())
    expect(created).toMatchObject({ errorCode: NONE, topic: { partitionCount: 2 } })
    const { catalog: again } = open(files.killed())
    expect(again.byName('t')).toMatchObject({ id: created.topic?.id, name: 't' })
    expect(again.byId(created.topic?.id ?? '')?.partitions).toHaveLength(2)
  })

  test.each([
    ['an empty name', { name: '' }, INVALID_TOPIC_EXCEPTION],
    ['a name of dots', { name: '..' }, INVALID_TOPIC_EXCEPTION],
    ['a slash', { name: 'a/b' }, INVALID_TOPIC_EXCEPTION],
    ['a name of 250 characters', { name: 'x'.repeat(250) }, INVALID_TOPIC_EXCEPTION],
    ['a name of 249 characters', { name: 'x'.repeat(249) }, NONE],
    ['a name that differs in a dot', { name: 'there_is' }, INVALID_TOPIC_EXCEPTION],
    ['a name that is taken', { name: 'there.is' }, TOPIC_ALREADY_EXISTS],
    ['no partitions', { partitionCount: 0 }, INVALID_PARTITIONS],
    ['too many partitions', { partitionCount: partitionsMax + 1 }, INVALID_PARTITIONS],
    ['replication to nobody', { replicationFactor: 0 }, INVALID_REPLICATION_FACTOR],
    ['an unknown setting', { configs: [{ name: 'no.such', value: '1' }] }, INVALID_CONFIG],
    ['a wrong value', { configs: [{ name: 'retention.ms', value: '-2' }] }, INVALID_CONFIG],
    ['a text for a number', { configs: [{ name: 'retention.ms', value: '1d' }] }, INVALID_CONFIG],
    ['a wrong policy', { configs: [{ name: 'cleanup.policy', value: 'keep' }] }, INVALID_CONFIG],
    [
      'a setting named twice',
      {
        configs: [
          { name: 'retention.ms', value: '1' },
          { name: 'retention.ms', value: '2' },
        ],
      },
      INVALID_REQUEST,
    ],
    ['both policies', { configs: [{ name: 'cleanup.policy', value: 'compact, delete' }] }, NONE],
    [
      'the largest number',
      { configs: [{ name: 'retention.ms', value: '9223372036854775807' }] },
      NONE,
    ],
    ['an assignment', { assignments: [{ index: 0, brokerIds: [1] }] }, NONE],
    [
      'an assignment to another node',
      { assignments: [{ index: 0, brokerIds: [2] }] },
      INVALID_REPLICA_ASSIGNMENT,
    ],
    [
      'an assignment with a hole',
      { assignments: [{ index: 1, brokerIds: [1] }] },
      INVALID_REPLICA_ASSIGNMENT,
    ],
    [
      'an assignment and a count',
      { partitionCount: 1, assignments: [{ index: 0, brokerIds: [1] }] },
      INVALID_REQUEST,
    ],
  ])('with %s', async (_what, changes, errorCode) => {
    const { catalog } = open()
    await catalog.create(topic({ name: 'there.is' }))
    const validated = await catalog.create(topic(changes), true)
    expect(catalog.list().map(({ name }) => name)).toEqual(['there.is'])
    const created = await catalog.create(topic(changes))
    expect([validated.errorCode, created.errorCode]).toEqual([errorCode, errorCode])
    expect(catalog.list()).toHaveLength(errorCode === NONE ? 2 : 1)
    expect(created.errorMessage === null).toBe(errorCode === NONE)
  })

  test('with a higher replication factor is clamped and told, or refused where the broker is strict', async () => {
    const logger = listeningLogger()
    const { catalog } = open(undefined, { logger })
    expect((await catalog.create(topic({ replicationFactor: 3 }))).errorCode).toBe(NONE)
    expect(logger.lines).toHaveLength(1)
    const strict = open(undefined, { clampReplication: false }).catalog
    expect((await strict.create(topic({ replicationFactor: 3 }))).errorCode).toBe(
      INVALID_REPLICATION_FACTOR,
    )
  })

  test('the same topic twice at once makes it once', async () => {
    const { catalog } = open()
    const codes = await Promise.all([1, 2, 3].map(() => catalog.create(topic())))
    expect(codes.map(({ errorCode }) => errorCode).sort((a, b) => a - b)).toEqual([
      NONE,
      TOPIC_ALREADY_EXISTS,
      TOPIC_ALREADY_EXISTS,
    ])
    const ensured = await Promise.all([1, 2, 3].map(() => catalog.ensure('u')))
    expect(ensured.map(({ errorCode }) => errorCode)).toEqual([NONE, NONE, NONE])
  })

  test('that cannot be stored leaves no topic, and may be tried again', async () => {
    const { catalog, files } = open()
    for (const failing of ['write', 'create', 'syncDir'] as const) {
      files.before = (operation) => {
        if (operation === failing) throw new Error('ENOSPC')
      }
      expect((await catalog.create(topic({ name: failing }))).errorCode).toBe(KAFKA_STORAGE_ERROR)
      files.before = () => {}
      expect(catalog.byName(failing)).toBeUndefined()
      expect((await catalog.create(topic({ name: failing }))).errorCode).toBe(NONE)
    }
    expect(open(files.killed()).catalog.list()).toHaveLength(3)
  })
})

describe('deleting', () => {
  test('takes the topic, its files and who looks for it; its name is free again', async () => {
    const { catalog, files } = open()
    const first = await catalog.create(topic())
    await catalog.byName('t')?.partitions[0]?.append(batchOf(['old']), -1).durable
    const gone: string[] = []
    catalog.onDeleted(({ name }) => gone.push(name))
    expect((await catalog.delete('t')).errorCode).toBe(NONE)
    expect([gone, catalog.byName('t'), catalog.byId(first.topic?.id ?? '')]).toEqual([
      ['t'],
      undefined,
      undefined,
    ])
    expect((await catalog.delete('t')).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION)
    const second = await catalog.create(topic())
    expect(second.topic?.id).not.toBe(first.topic?.id)
    expect(catalog.byName('t')?.partitions[0]?.logEndOffset).toBe(0)
    expect(files.paths().filter((path) => path.includes(first.topic?.id ?? '-'))).toEqual([])
  })

  test('that a kill cut short is finished at the next start', async () => {
    const { catalog, files } = open()
    const { topic: created } = await catalog.create(topic())
    files.before = (operation) => {
      if (operation === 'remove') throw new Error('killed')
    }
    void catalog.delete('t')
    await new Promise(setImmediate)
    const disk = files.killed()
    expect(disk.paths().some((path) => path.includes(created?.id ?? '-'))).toBe(true)
    expect(open(disk).catalog.list()).toEqual([])
    expect(disk.paths().some((path) => path.includes(created?.id ?? '-'))).toBe(false)
  })
})

describe('partitions', () => {
  test('are added, never taken away', async () => {
    const { catalog, files } = open()
    await catalog.create(topic())
    const codes = []
    for (const count of [1, 2, 5, partitionsMax + 1])
      codes.push((await catalog.createPartitions('t', count)).errorCode)
    expect(codes).toEqual([INVALID_PARTITIONS, INVALID_PARTITIONS, NONE, INVALID_PARTITIONS])
    expect((await catalog.createPartitions('t', 9, true)).errorCode).toBe(NONE)
    expect((await catalog.createPartitions('u', 9)).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION)
    expect(catalog.byName('t')?.partitions).toHaveLength(5)
    const again = open(files.killed()).catalog.byName('t')
    expect(again?.partitions).toHaveLength(5)
    await again?.partitions[4]?.append(batchOf(['x']), -1).durable
    expect(await readAll(again?.partitions[4] as never)).toEqual([{ offset: 0, value: 'x' }])
  })

  test('asked for twice at once are added once', async () => {
    const { catalog } = open()
    await catalog.create(topic())
    const outcomes = await Promise.all([
      catalog.createPartitions('t', 4),
      catalog.createPartitions('t', 4),
      catalog.createPartitions('t', 6),
    ])
    expect(outcomes.map(({ errorCode }) => errorCode)).toEqual([NONE, INVALID_PARTITIONS, NONE])
    expect(catalog.byName('t')?.partitions).toHaveLength(6)
  })
})

describe('settings', () => {
  test('hold at once and after a kill', async () => {
    const { catalog, files } = open()
    await catalog.create(topic({ configs: [{ name: 'retention.ms', value: '1000' }] }))
    const before = catalog.byName('t')
    await catalog.changeConfigs('t', [{ name: 'max.message.bytes', operation: 0, value: '500' }])
    expect(before?.settings).toMatchObject({ retentionMs: 1000, maxMessageBytes: 500 })
    await catalog.replaceConfigs('t', [{ name: 'segment.ms', value: '7' }])
    expect(Object.fromEntries(before?.configs ?? [])).toEqual({ 'segment.ms': '7' })
    expect(open(files.killed()).catalog.byName('t')?.settings).toMatchObject({
      retentionMs: 604_800_000,
      segmentMs: 7,
      // From the broker's own settings.
      segmentBytes: 134_217_728,
    })
  })

  test('are set, deleted, appended to and subtracted from one by one', async () => {
    const { catalog } = open()
    await catalog.create(topic())
    const change = async (name: string, operation: number, value: string | null) =>
      (await catalog.changeConfigs('t', [{ name, operation, value }])).errorCode
    const policy = () => catalog.byName('t')?.configs.get('cleanup.policy')
    expect(await change('cleanup.policy', 2, 'compact')).toBe(NONE)
    expect(policy()).toBe('delete,compact')
    expect(await change('cleanup.policy', 3, 'delete')).toBe(NONE)
    expect(policy()).toBe('compact')
    expect(await change('cleanup.policy', 3, 'compact')).toBe(INVALID_CONFIG)
    expect(await change('cleanup.policy', 1, null)).toBe(NONE)
    expect(policy()).toBeUndefined()
    expect(await change('retention.ms', 2, '5')).toBe(INVALID_CONFIG)
    expect(await change('no.such', 0, '5')).toBe(INVALID_CONFIG)
    expect(await change('retention.ms', 0, null)).toBe(INVALID_REQUEST)
    expect(await change('retention.ms', 9, '5')).toBe(INVALID_REQUEST)
  })

  test('changed at once do not overwrite one another', async () => {
    const { catalog } = open()
    await catalog.create(topic())
    await Promise.all([
      catalog.changeConfigs('t', [{ name: 'retention.ms', operation: 0, value: '1' }]),
      catalog.changeConfigs('t', [{ name: 'segment.ms', operation: 0, value: '2' }]),
    ])
    expect(catalog.byName('t')?.settings).toMatchObject({ retentionMs: 1, segmentMs: 2 })
  })

  test('that are only validated change nothing', async () => {
    const { catalog } = open()
    await catalog.create(topic())
    const setting = [{ name: 'retention.ms', value: '1' }]
    expect((await catalog.replaceConfigs('t', setting, true)).errorCode).toBe(NONE)
    expect(catalog.byName('t')?.configs.size).toBe(0)
    expect((await catalog.replaceConfigs('u', setting)).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION)
  })
})

test('retention is applied every so often, and not after a stop', async () => {
  const { catalog, clock } = open(undefined, { retentionCheckMs: 1000 })
  const configs = [{ name: 'retention.ms', value: '5000' }]
  await catalog.create(topic({ partitionCount: 1, configs }))
  const log = catalog.byName('t')?.partitions[0]
  await log?.append(batchOf(['x'], { timestampsMs: [clock.now()] }), -1).durable
  clock.advance(5000)
  await new Promise(setImmediate)
  expect(log?.logStartOffset).toBe(0)
  clock.advance(1000)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(log?.logStartOffset).toBe(1)
  expect(await catalog.close()).toBe(true)
})
