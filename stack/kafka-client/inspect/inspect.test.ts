// `slipway topics` and `slipway groups` against our broker, or whatever KAFKA_BROKERS names.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Consumer as PlatformaticConsumer } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import type { Consumer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBroker } from '#stack/kafka/start.ts'
import { brokerForTest, ownBroker } from '../test-broker.ts'
import type { TestBroker } from '../test-broker.ts'
import { carryOut, groupPartitionRows, groupRows, plannedMoves } from './groups.ts'
import { parseResetTarget, resetOffset } from './offset-reset.ts'
import { withBroker } from './options.ts'
import type { Reach } from './options.ts'
import { printRows } from './print.ts'
import { partitionRows, topicRows } from './topics.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'slipway-inspect-'))
const firstMs = Date.parse('2026-03-01T08:00:00.000Z')
let broker: TestBroker
let kafka: Kafka

beforeAll(async () => {
  broker = await brokerForTest(() => startBroker({ dataDir, ...ownBroker }))
  kafka = new Kafka({ brokers: broker.address.split(','), logLevel: logLevel.NOTHING })
  await asked(async ({ admin }) => {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic: 'orders',
          numPartitions: 2,
          configEntries: [{ name: 'retention.ms', value: '172800000' }],
        },
      ],
    })
  })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({
    topic: 'orders',
    messages: Array.from({ length: 10 }, (_, i) => ({
      partition: i < 7 ? 0 : 1,
      value: `order ${i}`,
      timestamp: String(firstMs + i * 1000),
    })),
  })
  await producer.disconnect()
})

afterAll(async () => {
  await broker.close()
  rmSync(dataDir, { recursive: true })
})

function asked<T>(work: (reach: Reach) => Promise<T>): Promise<T> {
  return withBroker({ brokers: broker.address, portOffset: 0 }, work)
}

async function member(groupId: string): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({ autoCommit: false, eachMessage: async () => {} })
  await joined
  return consumer
}

async function commit(groupId: string, offsets: readonly number[]): Promise<void> {
  const moves = offsets.map((to, partition) => ({ topic: 'orders', partition, from: null, to }))
  await asked((reach) => carryOut(reach, groupId, moves))
}

describe('topics', () => {
  test('are listed with their partitions, offsets and retention', async () => {
    const rows = await asked(({ admin }) => topicRows(admin))
    expect(rows).toContainEqual({
      topic: 'orders',
      partitions: 2,
      offsets: 10,
      cleanup: 'delete',
      retention: '2 d',
    })
  })

  test('show their partitions', async () => {
    const rows = await asked(({ admin }) => partitionRows(admin, 'orders'))
    expect(
      rows.map(({ partition, startOffset, highWatermark }) => [
        partition,
        startOffset,
        highWatermark,
      ]),
    ).toEqual([
      [0, 0, 7],
      [1, 0, 3],
    ])
  })

  test('that do not exist are answered with those that do', async () => {
    await expect(asked(({ admin }) => partitionRows(admin, 'order'))).rejects.toMatchObject({
      message: 'there is no topic "order"',
      hint: expect.stringContaining('orders'),
    })
  })
})

describe('groups', () => {
  test('are listed with their lag', async () => {
    await commit('listed', [5, 3])
    expect(await asked(groupRows)).toContainEqual({
      group: 'listed',
      state: 'Empty',
      members: 0,
      partitions: 2,
      lagRecords: 2,
    })
  })

  test('show who reads which partition', async () => {
    await commit('read', [5, 3])
    const consumer = await member('read')
    try {
      const rows = await asked((reach) => groupPartitionRows(reach, 'read'))
      expect(
        rows.map(({ partition, committed, lagRecords }) => [partition, committed, lagRecords]),
      ).toEqual([
        [0, 5, 2],
        [1, 3, 0],
      ])
      for (const { member: owner } of rows) expect(owner).toContain('kafkajs')
    } finally {
      await consumer.disconnect()
    }
  })

  test('whose members the broker assigns are shown like the others', async ({ skip }) => {
    const consumer = new PlatformaticConsumer({
      groupId: 'assigned',
      clientId: 'platformatic',
      bootstrapBrokers: broker.address.split(','),
      groupProtocol: 'consumer',
    })
    try {
      const apis = await consumer.listApis()
      skip(!apis.some(({ name }) => name === 'ConsumerGroupHeartbeat'), 'the broker has no KIP-848')
      const stream = await consumer.consume({ topics: ['orders'], mode: 'earliest' })
      for await (const message of stream) if (message.offset === 2n) break
      await consumer.commit({
        offsets: [0, 1].map((partition) => ({
          topic: 'orders',
          partition,
          offset: 2n,
          leaderEpoch: -1,
        })),
      })
      const rows = await asked((reach) => groupPartitionRows(reach, 'assigned'))
      expect(rows.map(({ committed, lagRecords }) => [committed, lagRecords])).toEqual([
        [2, 5],
        [2, 1],
      ])
      for (const { member: owner } of rows) expect(owner).toContain('platformatic')
      expect(await asked(groupRows)).toContainEqual({
        group: 'assigned',
        state: 'Stable',
        members: 1,
        partitions: 2,
        lagRecords: 6,
      })
    } finally {
      await consumer.close(true)
    }
  })

  test('go on where they are told to, and a plan alone changes nothing', async () => {
    await commit('reset', [5, 3])
    const target = parseResetTarget('2026-03-01T08:00:06Z')
    const moves = await asked(({ admin }) =>
      plannedMoves(admin, 'reset', { target, topic: undefined }),
    )
    expect(moves).toEqual([
      { topic: 'orders', partition: 0, from: 5, to: 6 },
      { topic: 'orders', partition: 1, from: 3, to: 0 },
    ])
    const committed = async () =>
      (await asked((reach) => groupPartitionRows(reach, 'reset'))).map((row) => row['committed'])
    expect(await committed()).toEqual([5, 3])
    await asked((reach) => carryOut(reach, 'reset', moves))
    expect(await committed()).toEqual([6, 0])
  })

  test('with members are not reset', async () => {
    const consumer = await member('busy')
    try {
      const moves = [{ topic: 'orders', partition: 0, from: null, to: 0 }]
      await expect(asked((reach) => carryOut(reach, 'busy', moves))).rejects.toMatchObject({
        message: 'group "busy" has members, which would commit over it',
      })
    } finally {
      await consumer.disconnect()
    }
  })

  test('that have committed nothing are reset for a whole topic', async () => {
    const moves = await asked(({ admin }) =>
      plannedMoves(admin, 'new', { target: { kind: 'latest' }, topic: 'orders' }),
    )
    expect(moves.map(({ from, to }) => [from, to])).toEqual([
      [null, 7],
      [null, 3],
    ])
  })
})

describe('where a group goes on', () => {
  const span = { committed: 50, startOffset: 10, endOffset: 100 }

  test.each([
    ['earliest', 10],
    ['latest', 100],
    ['70', 70],
    ['5', 10],
    ['500', 100],
    ['-20', 30],
    ['+20', 70],
    ['+200', 100],
    ['2026-03-01T08:00:00Z', 42],
  ])('is told by %s', (text, offset) => {
    expect(resetOffset(parseResetTarget(text), span, 42)).toBe(offset)
  })

  test.each(['', 'first', '12x', '2026-13-45'])('is not told by "%s"', (text) => {
    expect(() => parseResetTarget(text)).toThrow(`"${text}" says no place to go on`)
  })

  test('counts from the start where nothing was committed', () => {
    const fresh = { ...span, committed: undefined }
    expect(resetOffset({ kind: 'by', offsets: 5 }, fresh, 0)).toBe(15)
  })
})

test('rows are columns for a person and JSON for a program', () => {
  const rows = [
    { group: 'a', lagRecords: 1200 },
    { group: 'longer', lagRecords: null },
  ]
  expect(printRows(rows, { json: false })).toBe(
    ['group   lag records', 'a             1,200', 'longer            -', ''].join('\n'),
  )
  expect(printRows(rows, { json: true })).toBe(
    '{"group":"a","lagRecords":1200}\n{"group":"longer","lagRecords":null}\n',
  )
})
