// What clients may expect, through two clients that others wrote. With KAFKA_BROKERS the same suite runs on Apache Kafka
// or Redpanda; without, on a broker of ours, which then also is stopped and started.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from '@platformatic/kafka'
import {
  Admin as PlatformaticAdmin,
  Consumer as PlatformaticConsumer,
  Producer as PlatformaticProducer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import type { Admin, Consumer, Producer } from 'kafkajs'
import { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ownBroker } from '../kafka-client/test-broker.ts'
import type { RunningBroker } from './start.ts'
import { startBroker } from './start.ts'

const outside = process.env['KAFKA_BROKERS']

let dataDir = ''
let broker: RunningBroker | undefined
let kafka: Kafka
let admin: Admin
let producer: Producer

async function open(): Promise<void> {
  broker =
    outside === undefined
      ? await startBroker({ dataDir, ...ownBroker, ...(broker ? { port: broker.port } : {}) })
      : undefined
}

function brokers(): string[] {
  return outside?.split(',') ?? [broker?.address ?? '']
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-broker-'))
  await open()
  kafka = new Kafka({ brokers: brokers(), clientId: 'broker-test', logLevel: logLevel.NOTHING })
  admin = kafka.admin()
  producer = kafka.producer({ allowAutoTopicCreation: false })
  await Promise.all([admin.connect(), producer.connect()])
})

afterAll(async () => {
  await Promise.all([admin.disconnect(), producer.disconnect()])
  await broker?.close()
  await rm(dataDir, { recursive: true, force: true })
})

async function freshTopic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
  const topic = `topic-${randomUUID()}`
  await admin.createTopics({
    topics: [
      {
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
      },
    ],
  })
  return topic
}

interface Seen {
  partition: number
  offset: number
  key: string | null
  value: string | null
  timestampMs: number
  headers: Record<string, string>
}

interface Reading extends AsyncDisposable {
  consumer: Consumer
  seen: Seen[]
  /** Resolves when so many records were read. */
  until(count: number): Promise<Seen[]>
}

async function read(
  topic: string,
  options: { groupId?: string; autoCommit?: boolean } = {},
): Promise<Reading> {
  const { groupId = `group-${randomUUID()}`, autoCommit = true } = options
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500, heartbeatInterval: 200 })
  const seen: Seen[] = []
  const waiting = new Set<() => void>()
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit,
    eachMessage: async ({ partition, message }) => {
      seen.push({
        partition,
        offset: Number(message.offset),
        key: message.key?.toString() ?? null,
        value: message.value?.toString() ?? null,
        timestampMs: Number(message.timestamp),
        headers: Object.fromEntries(
          Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
        ),
      })
      for (const look of waiting) look()
    },
  })
  const until = (count: number) =>
    new Promise<Seen[]>((resolve) => {
      const look = () => {
        if (seen.length < count) return
        waiting.delete(look)
        resolve(seen)
      }
      waiting.add(look)
      look()
    })
  return { consumer, seen, until, [Symbol.asyncDispose]: () => consumer.disconnect() }
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action
    return 'none'
  } catch (error) {
    const { type, errors, cause } = error as {
      type?: string
      errors?: { type?: string }[]
      cause?: { type?: string }
    }
    return errors?.[0]?.type ?? type ?? cause?.type ?? String(error)
  }
}

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({
    key: `k${from + i}`,
    value: `v${from + i}`,
    partition: 0,
  }))

describe('records', () => {
  test('come back in order with key, value, headers and time', async () => {
    const topic = await freshTopic()
    const timestampMs = Date.now() - 60_000
    await producer.send({
      topic,
      messages: numbered(50).map((message, i) => ({
        ...message,
        timestamp: String(timestampMs + i),
        headers: { n: String(i) },
      })),
    })
    await using reading = await read(topic)
    expect(await reading.until(50)).toEqual(
      numbered(50).map(({ key, value }, i) => ({
        partition: 0,
        offset: i,
        key,
        value,
        timestampMs: timestampMs + i,
        headers: { n: String(i) },
      })),
    )
  })

  test('keep the difference between null and empty', async () => {
    const topic = await freshTopic()
    await producer.send({
      topic,
      messages: [
        { key: 'tombstone', value: null },
        { key: '', value: '' },
        { key: null, value: 'keyless' },
      ],
    })
    await using reading = await read(topic)
    const seen = await reading.until(3)
    expect(seen.map(({ key, value }) => [key, value])).toEqual([
      ['tombstone', null],
      ['', ''],
      [null, 'keyless'],
    ])
  })

  test('in a gzip batch come back, and a time query looks inside the batch', async () => {
    const topic = await freshTopic()
    const timestampMs = Date.now() - 60_000
    await producer.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: numbered(20).map((each, i) => ({
        ...each,
        timestamp: String(timestampMs + i * 10),
      })),
    })
    await using reading = await read(topic)
    expect((await reading.until(20)).map(({ value }) => value)).toEqual(
      numbered(20).map(({ value }) => value),
    )
    expect(await offsetAt(topic, timestampMs + 95)).toBe(10)
    expect(await offsetAt(topic, timestampMs + 100)).toBe(10)
    expect(await offsetAt(topic, timestampMs + 191)).toBe(20)
  })

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'in %s are read by another client and found by time',
    async (compression) => {
      const topic = await freshTopic()
      const other = new PlatformaticProducer({
        clientId: 'other',
        bootstrapBrokers: brokers(),
        serializers: stringSerializers,
        compression,
      })
      const timestampMs = Date.now() - 60_000
      const messages = numbered(100).map(({ key, value }, i) => ({
        topic,
        key,
        value: value.repeat(20),
        partition: 0,
        timestamp: BigInt(timestampMs + i),
      }))
      await other.send({ messages })
      await other.close()
      expect(await platformaticValues(topic, 100)).toEqual(messages.map(({ value }) => value))
      expect(await offsetAt(topic, timestampMs + 42)).toBe(42)
    },
  )

  test('of an idempotent producer are appended once each', async () => {
    const topic = await freshTopic()
    const idempotent = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await idempotent.connect()
    for (let i = 0; i < 5; i++) {
      await idempotent.send({ topic, messages: numbered(10, i * 10) })
    }
    await idempotent.disconnect()
    await using reading = await read(topic)
    expect((await reading.until(50)).map(({ value }) => value)).toEqual(
      numbered(50).map(({ value }) => value),
    )
  })

  test('that are too large are refused, and their neighbours are not', async () => {
    const topic = await freshTopic(1, { 'max.message.bytes': '2000' })
    expect(await codeOf(producer.send({ topic, messages: [{ value: 'x'.repeat(3000) }] }))).toBe(
      'MESSAGE_TOO_LARGE',
    )
    await producer.send({ topic, messages: [{ value: 'fits' }] })
    await using reading = await read(topic)
    expect((await reading.until(1)).map(({ value }) => value)).toEqual(['fits'])
  })

  test('of nearly a megabyte pass', async () => {
    const topic = await freshTopic()
    const value = 'y'.repeat(1_000_000)
    await producer.send({ topic, messages: [{ value }, { value: 'behind' }] })
    await using reading = await read(topic)
    expect((await reading.until(2)).map((each) => each.value?.length)).toEqual([1_000_000, 6])
  })

  test('without a key are refused where the topic is compacted', async () => {
    const topic = await freshTopic(1, { 'cleanup.policy': 'compact' })
    const refused = await codeOf(producer.send({ topic, messages: [{ value: 'keyless' }] }))
    // kafkajs does not know code 87 by its name.
    expect(refused).not.toBe('none')
    expect(await codeOf(producer.send({ topic, messages: [{ key: 'k', value: 'v' }] }))).toBe(
      'none',
    )
  })

  test('reach a consumer that waits at the end at once', async () => {
    const topic = await freshTopic()
    await using reading = await read(topic)
    await producer.send({ topic, messages: [{ value: 'first' }] })
    await reading.until(1)
    const sentMs = performance.now()
    await producer.send({ topic, messages: [{ value: 'second' }] })
    await reading.until(2)
    // Far below the 500 ms that a fetch may wait.
    expect(performance.now() - sentMs).toBeLessThan(400)
  })

  async function offsetAt(topic: string, timestampMs: number): Promise<number> {
    const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, timestampMs)
    return Number(found?.offset)
  }
})

async function platformaticValues(topic: string, count: number): Promise<string[]> {
  const consumer = new PlatformaticConsumer({
    groupId: `group-${randomUUID()}`,
    clientId: 'other',
    bootstrapBrokers: brokers(),
    deserializers: stringDeserializers,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 500 })
  const values: string[] = []
  for await (const message of stream) {
    values.push(message.value)
    if (values.length === count) break
  }
  await consumer.close(true)
  return values
}

describe('transactions', () => {
  test('of kafkajs are whole: records of two topics and the offset that was read', async () => {
    const [input, output] = [await freshTopic(), await freshTopic(2)]
    const groupId = `group-${randomUUID()}`
    const transactional = kafka.producer({
      transactionalId: randomUUID(),
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await transactional.connect()
    try {
      for (const commits of [false, true]) {
        const transaction = await transactional.transaction()
        const messages = numbered(3, commits ? 10 : 0)
        await transaction.send({ topic: input, messages })
        await transaction.send({ topic: output, messages: [{ value: 'other', partition: 1 }] })
        await transaction.sendOffsets({
          consumerGroupId: groupId,
          topics: [{ topic: input, partitions: [{ partition: 0, offset: commits ? '7' : '3' }] }],
        })
        expect(await offsetOf(groupId, input)).toBe('-1')
        await (commits ? transaction.commit() : transaction.abort())
      }
      // A cluster commits on all its nodes a moment later.
      await expect.poll(() => offsetOf(groupId, input)).toBe('7')
      await using reading = await read(input)
      const values = (await reading.until(3)).map(({ value }) => value)
      expect(values).toEqual(['v10', 'v11', 'v12'])
    } finally {
      await transactional.disconnect()
    }
  })

  test('of a second producer with the same id end those of the first', async () => {
    const topic = await freshTopic()
    const options = {
      transactionalId: randomUUID(),
      maxInFlightRequests: 1,
      idempotent: true,
      retry: { retries: 1 },
    }
    const [zombie, heir] = [kafka.producer(options), kafka.producer(options)]
    await zombie.connect()
    const lost = await zombie.transaction()
    await lost.send({ topic, messages: numbered(1) })
    await heir.connect()
    const kept = await heir.transaction()
    expect(await codeOf(lost.commit())).toMatch(/INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/)
    await kept.send({ topic, messages: numbered(1, 5) })
    await kept.commit()
    await using reading = await read(topic)
    expect((await reading.until(1)).map(({ value }) => value)).toEqual(['v5'])
    await Promise.all([zombie.disconnect(), heir.disconnect()])
  })

  test('of @platformatic/kafka are whole: records of two topics and the offset that was read', async () => {
    const [input, output] = [await freshTopic(), await freshTopic(2)]
    const groupId = `group-${randomUUID()}`
    await producer.send({ topic: input, messages: numbered(1) })
    const [transactional, consumer] = platformaticPair(groupId)
    try {
      const stream = await consumer.consume({
        topics: [input],
        mode: 'earliest',
        autocommit: false,
      })
      const [message] = (await once(stream, 'data')) as [Message<string, string, string, string>]
      for (const commits of [false, true]) {
        const transaction = await transactional.beginTransaction()
        await transaction.addConsumer(consumer)
        const value = commits ? 'kept' : 'lost'
        const messages = [0, 1].map((partition) => ({ topic: output, value, partition }))
        await transaction.send({ messages })
        await transaction.addOffset(message)
        expect(await offsetOf(groupId, input)).toBe('-1')
        await (commits ? transaction.commit() : transaction.abort())
      }
      await expect.poll(() => offsetOf(groupId, input)).toBe('1')
      expect(await platformaticValues(output, 2)).toEqual(['kept', 'kept'])
    } finally {
      await consumer.close(true)
      await transactional.close()
    }
  })

  function platformaticPair(groupId: string) {
    const common = { clientId: 'other', bootstrapBrokers: brokers() }
    const transactional = new PlatformaticProducer({
      ...common,
      serializers: stringSerializers,
      transactionalId: randomUUID(),
      idempotent: true,
    })
    const consumer = new PlatformaticConsumer({
      ...common,
      groupId,
      deserializers: stringDeserializers,
    })
    return [transactional, consumer] as const
  }

  async function offsetOf(groupId: string, topic: string): Promise<string | undefined> {
    const [fetched] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return fetched?.partitions[0]?.offset
  }
})

describe('topics', () => {
  test('are created with partitions and settings, described, listed and deleted', async () => {
    const topic = await freshTopic(3, { 'retention.ms': '60000' })
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions.map(({ partitionId }) => partitionId).toSorted()).toEqual([
      0, 1, 2,
    ])
    expect(
      topics[0]?.partitions.every(({ replicas, isr }) => replicas.length === 1 && isr.length === 1),
    ).toBe(true)
    await expect.poll(() => admin.listTopics()).toContain(topic)
    expect(await configOf(topic, 'retention.ms')).toBe('60000')
    await admin.deleteTopics({ topics: [topic] })
    expect(await admin.listTopics()).not.toContain(topic)
  })

  test('are not created twice, nor with names, counts and settings that cannot be', async () => {
    const topic = await freshTopic()
    expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false)
    const codes = await Promise.all([
      codeOf(admin.createTopics({ topics: [{ topic: 'no/such' }] })),
      codeOf(admin.createTopics({ topics: [{ topic: 'none', numPartitions: 0 }] })),
      codeOf(
        admin.createTopics({
          topics: [{ topic: 'none', configEntries: [{ name: 'no.such', value: '1' }] }],
        }),
      ),
    ])
    expect(codes).toEqual(['INVALID_TOPIC_EXCEPTION', 'INVALID_PARTITIONS', 'INVALID_CONFIG'])
    expect(await admin.listTopics()).not.toContain('none')
  })

  test('that were only to be validated are not there', async () => {
    const topic = `topic-${randomUUID()}`
    expect(
      await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [{ topic }] }),
    ).toBe(true)
    expect(await admin.listTopics()).not.toContain(topic)
  })

  test('get more partitions, never fewer', async () => {
    const topic = await freshTopic(1)
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
    await expect.poll(() => admin.fetchTopicOffsets(topic).catch(() => [])).toHaveLength(4)
    expect(await codeOf(admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }))).toBe(
      'INVALID_PARTITIONS',
    )
  })

  test('lose the records before an offset', async () => {
    const topic = await freshTopic()
    await producer.send({ topic, messages: numbered(10) })
    // kafkajs deletes records only of topics whose offsets it has looked at.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
    expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ low: '4', high: '10' }])
    await using reading = await read(topic)
    expect((await reading.until(6))[0]).toMatchObject({ offset: 4, value: 'v4' })
  })

  test('come into being when a producer that may create them asks for them', async () => {
    const topic = `topic-${randomUUID()}`
    const creating = kafka.producer({ allowAutoTopicCreation: true })
    await creating.connect()
    await creating.send({ topic, messages: [{ value: 'v' }] })
    await creating.disconnect()
    expect(await admin.listTopics()).toContain(topic)
  })

  test('change their settings one by one or whole', async () => {
    const topic = await freshTopic(1, { 'retention.ms': '60000' })
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [{ name: 'max.message.bytes', value: '5000' }],
        },
      ],
    })
    expect(await configOf(topic, 'max.message.bytes')).toBe('5000')
    expect(await configOf(topic, 'retention.ms')).not.toBe('60000')
  })

  async function configOf(topic: string, name: string): Promise<string | undefined> {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }],
    })
    return resources[0]?.configEntries.find((entry) => entry.configName === name)?.configValue
  }
})

describe('consumer groups', () => {
  test('share the partitions among their members through joins and leaves', async () => {
    const topic = await freshTopic(6)
    const groupId = `group-${randomUUID()}`
    const owned = async () => {
      const { groups } = await admin.describeGroups([groupId])
      return { state: groups[0]?.state, members: groups[0]?.members.length }
    }
    const one = await read(topic, { groupId })
    await expect.poll(owned).toEqual({ state: 'Stable', members: 1 })
    const two = await read(topic, { groupId })
    const three = await read(topic, { groupId })
    await expect.poll(owned, { timeout: 15_000 }).toEqual({ state: 'Stable', members: 3 })
    const messages = Array.from({ length: 60 }, (_, i) => ({ value: `v${i}`, partition: i % 6 }))
    await producer.send({ topic, messages })
    const all = [one, two, three]
    await expect.poll(() => all.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(60)
    const partitions = all.map(({ seen }) => new Set(seen.map(({ partition }) => partition)))
    expect(partitions.map(({ size }) => size)).toEqual([2, 2, 2])
    await one.consumer.disconnect()
    await expect.poll(owned, { timeout: 15_000 }).toEqual({ state: 'Stable', members: 2 })
    await producer.send({ topic, messages })
    await expect
      .poll(() => two.seen.length + three.seen.length, { timeout: 15_000 })
      .toBeGreaterThanOrEqual(100)
    await Promise.all([two.consumer.disconnect(), three.consumer.disconnect()])
  })

  test('go on where they committed', async () => {
    const topic = await freshTopic()
    const groupId = `group-${randomUUID()}`
    await producer.send({ topic, messages: numbered(10) })
    {
      await using first = await read(topic, { groupId })
      await first.until(10)
    }
    await producer.send({ topic, messages: numbered(5, 10) })
    await using second = await read(topic, { groupId })
    expect((await second.until(5)).map(({ value }) => value)).toEqual(
      numbered(5, 10).map(({ value }) => value),
    )
  })

  test('keep the note beside an offset, are listed, and lose their offsets when deleted', async () => {
    const topic = await freshTopic(2)
    const groupId = `group-${randomUUID()}`
    {
      await using reading = await read(topic, { groupId, autoCommit: false })
      await producer.send({ topic, messages: numbered(3) })
      await reading.until(3)
      const committed = { topic, partition: 0, offset: '2', metadata: 'a note' }
      await reading.consumer.commitOffsets([committed])
      expect(await admin.fetchOffsets({ groupId, topics: [topic] })).toMatchObject([
        {
          topic,
          partitions: [
            { partition: 0, offset: '2', metadata: 'a note' },
            { partition: 1, offset: '-1' },
          ],
        },
      ])
    }
    const { groups } = await admin.listGroups()
    expect(groups.map((group) => group.groupId)).toContain(groupId)
    await admin.deleteGroups([groupId])
    expect(await admin.fetchOffsets({ groupId, topics: [topic] })).toMatchObject([
      { partitions: [{ offset: '-1' }, { offset: '-1' }] },
    ])
  })

  test('with members are not deleted', async () => {
    const topic = await freshTopic()
    const groupId = `group-${randomUUID()}`
    await using reading = await read(topic, { groupId })
    await expect
      .poll(async () => (await admin.describeGroups([groupId])).groups[0]?.state)
      .toBe('Stable')
    expect(reading.seen).toEqual([])
    const refused = await admin.deleteGroups([groupId]).catch((error: unknown) => error)
    expect(JSON.stringify(refused)).toContain('NON_EMPTY_GROUP')
  })

  test('that nobody ever joined are dead', async () => {
    const { groups } = await admin.describeGroups([`group-${randomUUID()}`])
    expect(groups).toMatchObject([{ state: 'Dead', members: [] }])
  })
})

describe('the cluster', () => {
  test('names one controller among its brokers', async () => {
    const cluster = await admin.describeCluster()
    expect(cluster.brokers.map(({ nodeId }) => nodeId)).toContain(cluster.controller)
    expect(cluster.clusterId).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  test('has no reassignment under way', async () => {
    const { topics } = await admin.listPartitionReassignments({})
    expect(topics).toEqual([])
  })

  test('answers the admin of @platformatic/kafka', async () => {
    const topic = `topic-${randomUUID()}`
    const other = new PlatformaticAdmin({ clientId: 'other', bootstrapBrokers: brokers() })
    const [created] = await other.createTopics({ topics: [topic], partitions: 2, replicas: 1 })
    expect(created).toMatchObject({ name: topic, partitions: 2, replicas: 1 })
    await expect.poll(() => other.listTopics()).toContain(topic)
    const metadata = await other.metadata({ topics: [topic] })
    expect(metadata.topics.get(topic)).toMatchObject({ id: created?.id, partitionsCount: 2 })
    await other.deleteTopics({ topics: [topic] })
    await expect.poll(() => other.listTopics()).not.toContain(topic)
    await other.close()
  })
})

describe.skipIf(outside !== undefined)('a broker that is stopped and started', () => {
  test('has its records, topics and groups, and clients carry on', async () => {
    const topic = await freshTopic(2)
    const groupId = `group-${randomUUID()}`
    await using reading = await read(topic, { groupId })
    await producer.send({ topic, messages: numbered(10) })
    await reading.until(10)
    await broker?.close()
    await open()
    await expect
      .poll(() => codeOf(producer.send({ topic, messages: numbered(10, 10) })), { timeout: 20_000 })
      .toBe('none')
    const values = (await reading.until(20)).map(({ value }) => value)
    expect(new Set(values)).toEqual(new Set(numbered(20).map(({ value }) => value)))
    expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ high: '20' }, { high: '0' }])
  })
})
