// Lane A between a broker and a Pub/Sub, both over TCP, with what may go wrong on the way.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { hourMs } from '#stack/base/units.ts'
import { topics, topicSpecs } from '#stack/contract/topics.ts'
import { connectPubSub } from '#stack/google/pubsub.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { brokerForTest, ownBroker } from '#stack/kafka-client/test-broker.ts'
import type { TestBroker } from '#stack/kafka-client/test-broker.ts'
import { startBroker } from '#stack/kafka/start.ts'
import { startPubSub } from '#stack/pubsub/start.ts'
import { ErrorLane } from '../errors.ts'
import type { BridgeError } from '../errors.ts'
import type { TopicsOptions } from '../options.ts'
import { startBridge } from '../start.ts'
import type { BridgeOptions, RunningBridge } from '../start.ts'
import { arrivals, judge, subscribe } from './arrivals.contract.ts'
import { retryRecord } from './retry.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'slipway-lane-a-'))
const partitions = 2
let broker: TestBroker
let kafka: KafkaPort

beforeAll(async () => {
  broker = await brokerForTest(() =>
    startBroker({ dataDir, initialRebalanceDelayMs: 0, ...ownBroker }),
  )
  kafka = connectKafka({ brokers: broker.address.split(','), clientId: 'lane-test' })
  const admin = await kafka.admin()
  await admin.ensureTopics(topicSpecs(partitions))
  await admin.close()
})
afterAll(async () => {
  await broker.close()
  rmSync(dataDir, { recursive: true })
})

let cases = 0

/** A topic, a Pub/Sub, and a bridge by a name of its own. */
async function opened({ withTopics = true } = {}) {
  const name = `case-${++cases}`
  const topic = name
  const admin = await kafka.admin()
  await admin.ensureTopics([{ name: topic, partitions, config: {} }])
  await admin.close()
  const projectId = 'shop'
  const pubsub = await startPubSub()
  const clients = await connectPubSub({ mode: 'emulator', projectId, pubsub: pubsub.address })
  const create = () => subscribe(clients, projectId, [topic])
  if (withTopics) await create()
  const bridges = new Set<RunningBridge>()
  onTestFinished(async () => {
    for (const bridge of bridges) await bridge.close()
    await clients.close()
    await pubsub.close()
  })
  return {
    topic,
    pubsub,
    clients,
    create,
    arrived: () => arrivals(clients, projectId, topic),
    write: (...given: Written) => write(topic, ...given),
    judged: async () => judge(await arrivals(clients, projectId, topic), await ends(topic)),
    caughtUp: (bridge: Pick<RunningBridge, 'status'>) => caughtUp(bridge, topic),
    async start(more: Partial<BridgeOptions & TopicsOptions> = {}) {
      const { ordering = 'key', onError = 'stop', ...rest } = more
      const bridge = await startBridge({
        name,
        brokers: broker.address.split(','),
        partitions,
        history: 'http://127.0.0.1:1',
        target: { mode: 'emulator', projectId, pubsub: pubsub.address },
        dataset: 'slipway',
        location: 'US',
        dataDir,
        host: '127.0.0.1',
        controlPort: 0,
        testControl: false,
        lanes: ['topics'],
        topics: { ordering, onError, backHours: 24, names: [topic] },
        logger: silentLogger,
        onFatal: (error) => {
          throw error
        },
        ...rest,
      })
      bridges.add(bridge)
      return {
        ...bridge,
        async close() {
          bridges.delete(bridge)
          await bridge.close()
        },
      }
    },
  }
}

let numbered = 0

type Written = [count: number, keys?: number, more?: Partial<OutgoingRecord>]

async function write(topic: string, ...[count, keys = 20, more = {}]: Written): Promise<void> {
  const producer = await kafka.producer()
  const records = Array.from({ length: count }, () => {
    const number = numbered++
    return { key: `key-${number % keys}`, value: `value ${number}`, ...more }
  })
  await producer.send([{ topic, records }])
  await producer.close()
}

async function ends(topic: string) {
  const admin = await kafka.admin()
  const offsets = await admin.endOffsets(topic)
  await admin.close()
  return offsets.map((offset, partition) => ({ topic, partition, offset }))
}

const patience = { timeout: 20_000, interval: 50 }

async function caughtUp(bridge: Pick<RunningBridge, 'status'>, topic: string): Promise<void> {
  const at = await ends(topic)
  const whole = at.reduce((sum, { offset }) => sum + offset, 0)
  await expect
    .poll(() => {
      const streams = bridge.status().lanes[0]?.streams ?? []
      const own = streams.filter(({ stream }) => stream.startsWith(topic))
      return own.reduce((sum, { position }) => sum + (position ?? 0), 0)
    }, patience)
    .toBe(whole)
}

const nothingWrong = { missing: [], early: [], changed: [] }

describe('every record arrives', () => {
  test.each(['key', 'partition', 'none'] as const)('ordered by %s', async (ordering) => {
    const lane = await opened()
    await lane.write(1000)
    const bridge = await lane.start({ ordering })
    await lane.caughtUp(bridge)
    const judged = await lane.judged()
    expect(judged).toMatchObject(ordering === 'none' ? { missing: [], changed: [] } : nothingWrong)
    expect(judged.copies).toBe(0)
    expect(bridge.status()).toMatchObject({ lagRecords: 0, openErrors: 0 })
    await expect.poll(() => bridge.status().state, patience).toBe('caught-up')
  })

  test('with its key, its time, its headers and what it has no value for', async () => {
    const lane = await opened()
    const bridge = await lane.start()
    await lane.caughtUp(bridge)
    await lane.arrived()
    const client = new Kafka({ brokers: broker.address.split(','), logLevel: logLevel.NOTHING })
    const producer = client.producer()
    await producer.connect()
    const timestamp = String(systemClock.now())
    const headers = { one: '1', many: ['2', '3'] }
    await producer.send({
      topic: lane.topic,
      messages: [{ key: 'k', value: null, headers, timestamp }],
    })
    await producer.disconnect()
    await lane.caughtUp(bridge)
    const [message] = await lane.arrived()
    expect(message?.orderingKey).toBe('k')
    expect(message?.attributes).toMatchObject({
      'kafka.key': 'k',
      'kafka.timestamp': timestamp,
      'kafka.timestampType': 'create',
      'kafka.tombstone': 'true',
      'kafka.header.one': '1',
      'kafka.header.many': '2',
      'kafka.header.many#2': '3',
    })
  })

  test('after answers that were lost: copies carry the same position, and come in order', async () => {
    const lane = await opened()
    const bridge = await lane.start()
    await lane.caughtUp(bridge)
    const method = 'Publish'
    lane.pubsub.faults.set([
      { method, match: lane.topic, code: 'UNAVAILABLE', times: 5, dropResponseAfterCommit: true },
      {
        method,
        match: lane.topic,
        code: 'DEADLINE_EXCEEDED',
        times: 5,
        dropResponseAfterCommit: true,
      },
      { method, match: lane.topic, code: 'INTERNAL', times: 10 },
    ])
    for (let i = 0; i < 5; i++) await lane.write(300, 7)
    await lane.caughtUp(bridge)
    expect(lane.pubsub.faults.left).toBe(0)
    const judged = await lane.judged()
    expect(judged).toMatchObject(nothingWrong)
    expect(judged.copies).toBeGreaterThan(0)
  })

  test('slowly, to a target that calls it too much', async () => {
    const lane = await opened()
    const bridge = await lane.start({ ordering: 'partition' })
    await lane.caughtUp(bridge)
    lane.pubsub.faults.set([
      { method: 'Publish', match: lane.topic, code: 'RESOURCE_EXHAUSTED', times: 3 },
    ])
    await lane.write(50)
    await lane.caughtUp(bridge)
    expect(lane.pubsub.faults.left).toBe(0)
    expect(await lane.judged()).toMatchObject(nothingWrong)
  })
})

describe('a bridge that ends', () => {
  test('goes on where it was, and sends nothing again', async () => {
    const lane = await opened()
    await lane.write(500)
    const first = await lane.start()
    await lane.caughtUp(first)
    await first.close()
    await lane.write(500)
    const second = await lane.start()
    await lane.caughtUp(second)
    const judged = await lane.judged()
    expect(judged).toMatchObject({ ...nothingWrong, copies: 0 })
  })

  test('and one that comes share the partitions; order is kept through both changes', async () => {
    const lane = await opened()
    const first = await lane.start()
    await lane.caughtUp(first)
    const writing = (async () => {
      for (let i = 0; i < 30; i++) await lane.write(100)
    })()
    const second = await lane.start()
    await expect
      .poll(() => second.status().lanes[0]?.streams.length ?? 0, patience)
      .toBeGreaterThan(0)
    await first.close()
    await writing
    await expect.poll(() => second.status().lanes[0]?.streams.length, patience).toBe(2)
    await lane.caughtUp(second)
    expect(await lane.judged()).toMatchObject(nothingWrong)
  })
})

test('a target that goes away costs nothing but time', async () => {
  const lane = await opened()
  const bridge = await lane.start()
  await lane.caughtUp(bridge)
  lane.pubsub.faults.set([
    { method: 'Publish', match: lane.topic, code: 'UNAVAILABLE', times: 1e9 },
  ])
  await lane.write(1000)
  await expect.poll(() => bridge.status().state, patience).toBe('waiting')
  expect(bridge.status().detail).toContain('UNAVAILABLE')
  await lane.write(1000)
  lane.pubsub.faults.set([])
  await lane.caughtUp(bridge)
  await expect.poll(() => bridge.status().state, patience).toBe('caught-up')
  expect(await lane.judged()).toMatchObject(nothingWrong)
})

test('a topic that is missing is waited for, and what to do is said', async () => {
  const lane = await opened({ withTopics: false })
  await lane.write(10)
  const bridge = await lane.start()
  await expect.poll(() => bridge.status().state, patience).toBe('waiting')
  expect(bridge.status().detail).toContain('`slipway bridge apply` creates what is missing')
  await lane.create()
  await lane.caughtUp(bridge)
  // What is published before a subscription is made does not come to it.
  const streams = bridge.status().lanes[0]?.streams ?? []
  expect(streams.reduce((sum, { counts }) => sum + counts.sent, 0)).toBe(10)
})

test('a record that is refused stops its partition, is told once in bridge-errors, and is tried again by the next life', async () => {
  const lane = await opened()
  const bridge = await lane.start()
  await lane.caughtUp(bridge)
  await lane.arrived()
  const fault = {
    method: 'Publish',
    match: lane.topic,
    code: 'INVALID_ARGUMENT' as const,
    message: 'bad',
  }
  lane.pubsub.faults.set([{ ...fault, times: 1 }])
  await lane.write(1, 1)
  await expect.poll(() => bridge.status().state, patience).toBe('stopped')
  await bridge.close()
  lane.pubsub.faults.set([{ ...fault, times: 1 }])
  const second = await lane.start()
  await expect.poll(() => second.status().state, patience).toBe('stopped')
  await second.close()
  const [told, ...more] = await errorsOf('INVALID_ARGUMENT')
  expect(more).toEqual([])
  expect(told).toMatchObject({ lane: 'topics', code: 'INVALID_ARGUMENT', attempts: 1 })
  expect(told?.payload).toMatch(/^value/)
  const third = await lane.start()
  await lane.caughtUp(third)
  const [record] = await lane.arrived()
  expect(`${lane.topic}-${record?.partition}@${record?.offset}`).toBe(told?.position)
})

test('a record that was left out is in the error lane until it is sent once more', async () => {
  const lane = await opened()
  const bridge = await lane.start({ onError: 'skip' })
  await lane.caughtUp(bridge)
  const fault = { method: 'Publish', match: lane.topic, code: 'INVALID_ARGUMENT' as const }
  lane.pubsub.faults.set([{ ...fault, times: 1 }])
  await lane.write(1, 1)
  await expect.poll(() => lane.pubsub.faults.left, patience).toBe(0)
  await lane.write(5, 1)
  await lane.caughtUp(bridge)
  expect((await lane.judged()).missing).toHaveLength(1)
  const errors = await ErrorLane.open(kafka)
  const open = errors.openEntries().find(({ position }) => position.startsWith(`${lane.topic}-`))
  const around = { kafka, clients: lane.clients, ordering: 'key' as const }
  expect(await retryRecord(open as BridgeError, around)).toBeUndefined()
  await errors.deliver(open as BridgeError, systemClock.now())
  await errors.close()
  expect((await lane.arrived()).map(({ text }) => text)).toEqual([open?.payload])
  const after = await ErrorLane.open(kafka)
  expect(after.openEntries().map(({ position }) => position)).not.toContain(open?.position)
  await after.close()
})

test('the first start begins a day back, and leaves out what is written later about an earlier time', async () => {
  const lane = await opened()
  const old = { key: 'old', timestampMs: systemClock.now() - 25 * hourMs }
  await lane.write(20, 1, old)
  const bridge = await lane.start()
  await lane.write(20, 1, old)
  await lane.write(20, 1, { key: 'old' })
  await lane.caughtUp(bridge)
  const received = (await lane.arrived()).filter(({ orderingKey }) => orderingKey === 'old')
  expect(received).toHaveLength(20)
  await bridge.close()
  const admin = await kafka.admin()
  const [committed] = await admin.committed(`gcp-bridge.${lane.topic}`, [lane.topic])
  await admin.close()
  expect(committed?.metadata).toMatch(/^since 20/)
})

async function errorsOf(code: string): Promise<BridgeError[]> {
  const entries: BridgeError[] = []
  const from = [0, 1].map((partition) => ({
    topic: topics.bridgeErrors.name,
    partition,
    offset: 0,
  }))
  await kafka.readPartitions({
    from,
    onBatch: ({ records }) => {
      for (const { value } of records) entries.push(JSON.parse(String(value)) as BridgeError)
    },
  })
  return entries.filter((entry) => entry.code === code)
}
