// The processor through its door, over TCP against a broker: what comes out of the topics, silence, restarts.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DomainClock } from '#stack/base/clock.ts'
import { describeError, exitCodeOf, exitCodes } from '#stack/base/errors.ts'
import { silentLogger } from '#stack/base/logger.ts'
import type { AbandonmentRecord } from '#stack/contract/cart.ts'
import { eventRecord } from '#stack/contract/event-record.ts'
import type { EnrichedEvent, RejectedEvent, ShopEvent } from '#stack/contract/events.ts'
import type { SessionRecord } from '#stack/contract/session.ts'
import { loadEndHeader, loadHeader, topics } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { brokerForTest, ownBroker } from '#stack/kafka-client/test-broker.ts'
import { startBroker } from '#stack/kafka/start.ts'
import type { ProcessorStatus } from './runtime/status.ts'
import { startProcessor } from './start.ts'
import type { ProcessorOptions } from './start.ts'

const partitions = 2
const startMs = Date.parse('2026-03-02T10:00:00.000Z')

test('an event goes through every stage; silence yields the verdict when the clock moves', async () => {
  await using stack = await startStack()
  await stack.produce([shopEvent('e1', 'A', 0, { name: 'add_to_cart', ...kettle })])
  await stack.until(async () => (await stack.enriched()).length === 1)
  stack.domainClock.advance(2 * 3600_000)
  await stack.until(async () => (await stack.abandonments()).length === 1)
  const [record] = await stack.abandonments()
  expect(record).toMatchObject({ status: 'abandoned', cartKey: 'a:A', valueMinor: 1999 })
  expect(record?.abandonedAt).toBe('2026-03-02T11:00:00.000Z')
  const [session] = await stack.sessions()
  expect(session).toMatchObject({ anonymousId: 'A', eventCount: 1, isClosed: true })
})

test('each input position has one outcome, and what is no event is told with its bytes', async () => {
  await using stack = await startStack()
  const event = shopEvent('e1', 'A', 0)
  await stack.produceRecords([
    eventRecord(event),
    { key: 'A', value: 'no json' },
    { key: 'A', value: Buffer.from([0xff, 0xfe]) },
    eventRecord(event),
  ])
  await stack.until(async () => (await stack.rejected()).length === 3)
  const rejected = await stack.rejected()
  expect(rejected.map(({ reason }) => reason).toSorted()).toEqual([
    'duplicate',
    'not_json',
    'not_json',
  ])
  expect(rejected.find(({ bodyEncoding }) => bodyEncoding === 'base64')?.body).toBe('//4=')
  const duplicate = rejected.find(({ reason }) => reason === 'duplicate')
  const [enriched] = await stack.enriched()
  expect(duplicate?.first).toEqual(enriched?.input)
  expect(await stack.status()).toMatchObject({
    outcomes: { enriched: 1, rejected: 2, duplicate: 1 },
  })
})

test('stage one on one partition waits for a hop that is behind it, and goes on', async () => {
  await using stack = await startStack({ partitions: 1, waitingBytesMax: 1 })
  const adds = Array.from({ length: 5000 }, (_, i) =>
    shopEvent(`e${i}`, `A${i % 100}`, i / 100, { name: 'add_to_cart', ...kettle }),
  )
  await stack.produce(adds)
  await stack.until(async () => (await stack.status()).outcomes.enriched === adds.length)
  expect((await stack.status()).outcomes.rejected).toBe(0)
})

test('a restart goes on where the changelog ends', async () => {
  await using stack = await startStack()
  await stack.produce([shopEvent('e1', 'A', 0, { name: 'add_to_cart', ...kettle })])
  await stack.until(async () => (await stack.enriched()).length === 1)
  await stack.restartProcessor()
  await stack.produce([
    shopEvent('e1', 'A', 0, { name: 'add_to_cart', ...kettle }),
    shopEvent('e2', 'A', 10, { name: 'add_to_cart', ...kettle }),
  ])
  await stack.until(async () => (await stack.enriched()).length === 2)
  stack.domainClock.advance(3 * 3600_000)
  await stack.until(async () => (await stack.abandonments()).length === 1)
  expect((await stack.abandonments())[0]).toMatchObject({ units: 2 })
  expect((await stack.rejected()).map(({ reason }) => reason)).toEqual(['duplicate'])
  expect((await stack.sessions())[0]).toMatchObject({ eventCount: 2 })
})

test('while a load of the past is open neither silence nor a click of today closes anything', async () => {
  await using stack = await startStack()
  const past = (id: string, visitor: string, minute: number, rest: Partial<ShopEvent> = {}) => ({
    ...eventRecord(shopEvent(id, visitor, minute - 60 * 24 * 5, rest)),
    headers: { [loadHeader]: 'load-1' },
  })
  const everywhere = (record: OutgoingRecord) =>
    Array.from({ length: partitions }, (_, partition) => ({ ...record, partition }))
  await stack.produceRecords([
    past('p1', 'A', 0, { name: 'add_to_cart', ...kettle }),
    ...everywhere(past('p2', 'B', 1)),
  ])
  await stack.produce([shopEvent('now', 'C', 0, { name: 'add_to_cart', ...kettle })])
  await stack.until(async () => (await stack.status()).outcomes.enriched === 4)
  stack.domainClock.advance(10 * 60_000)
  await stack.until(async () => (await stack.status()).watermark !== null)
  // A minute after p1, less the watermark delay; p2 lies in every partition.
  expect((await stack.status()).watermark).toBe('2026-02-25T10:00:30.000Z')
  expect(await stack.abandonments()).toEqual([])
  await stack.produceRecords(
    everywhere({ key: null, value: null, headers: { [loadEndHeader]: 'load-1' } }),
  )
  await stack.until(async () => !(await stack.status()).hasOpenLoad)
  stack.domainClock.advance(60_000)
  await stack.until(async () => (await stack.abandonments()).length === 1)
  expect((await stack.abandonments())[0]).toMatchObject({ cartKey: 'a:A', status: 'abandoned' })
})

test('state that another version wrote ends the start and says what to do', async () => {
  await using stack = await startStack()
  await stack.produce([shopEvent('e1', 'A', 0)])
  await stack.until(async () => (await stack.enriched()).length === 1)
  await stack.produceRecords(
    [{ key: '#position', value: '{"nextOffset":1,"number":1}', partition: 1 }],
    topics.visitorsChangelog.name,
  )
  const failure = await stack.restartProcessor().catch((error: unknown) => error)
  expect(exitCodeOf(failure)).toBe(exitCodes.inTheWay)
  expect(describeError(failure)).toMatch(/has format 1, and this version reads \d[^]*--data/)
})

const kettle = {
  data: { items: [{ productId: 'P', quantity: 1, unitPriceMinor: 1999 }], currency: 'EUR' },
}

function shopEvent(
  eventId: string,
  anonymousId: string,
  minute: number,
  rest: Partial<ShopEvent> = {},
): ShopEvent {
  const time = new Date(startMs + minute * 60_000).toISOString()
  return {
    schemaVersion: '1.0',
    eventId,
    name: 'page_view',
    eventTime: time,
    receivedAt: time,
    source: 'web',
    dialect: 'native',
    anonymousId,
    data: {},
    ...rest,
  }
}

async function startStack(more: Partial<ProcessorOptions> = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-processor-'))
  const broker = await brokerForTest(() =>
    startBroker({ dataDir, port: 0, initialRebalanceDelayMs: 0, ...ownBroker }),
  )
  const domainClock = new DomainClock()
  domainClock.moveTo(startMs)
  const failures: unknown[] = []
  const start = () =>
    startProcessor({
      brokers: broker.address.split(','),
      partitions,
      ...more,
      host: '127.0.0.1',
      controlPort: 0,
      testControl: true,
      logger: silentLogger,
      domainClock,
      flushMs: 20,
      onFatal: (error) => failures.push(error),
    })
  let processor = await start()
  const kafka = connectKafka({ brokers: broker.address.split(','), clientId: 'test' })
  const producer = await kafka.producer()
  const status = async () =>
    (await (await fetch(`${processor.addresses['processor']}/status`)).json()) as ProcessorStatus
  const produceRecords = (records: readonly OutgoingRecord[], topic = topics.events.name) =>
    producer.send([{ topic, records }])
  return {
    domainClock,
    status,
    produceRecords,
    produce: (events: readonly ShopEvent[]) =>
      produceRecords(events.map((event) => eventRecord(event))),
    enriched: () => readAll<EnrichedEvent>(kafka, topics.enriched.name),
    rejected: () => readAll<RejectedEvent>(kafka, topics.rejected.name),
    sessions: () => readCompacted<SessionRecord>(kafka, topics.sessions.name),
    abandonments: () => readCompacted<AbandonmentRecord>(kafka, topics.abandonment.name),
    async until(holds: () => Promise<boolean>) {
      await expect.poll(holds, { timeout: 15_000, interval: 50 }).toBe(true)
      expect(failures).toEqual([])
    },
    async restartProcessor() {
      await processor.close()
      processor = await start()
    },
    async [Symbol.asyncDispose]() {
      await producer.close()
      await processor.close()
      await broker.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

interface ReadRecord {
  key: string
  value: string | null
}

async function readRecords(kafka: KafkaPort, topic: string): Promise<ReadRecord[]> {
  const records: ReadRecord[] = []
  await kafka.readPartitions({
    from: Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })),
    onBatch(batch) {
      for (const { key, value } of batch.records) {
        records.push({ key: key?.toString() ?? '', value: value?.toString() ?? null })
      }
    },
  })
  return records
}

async function readAll<T>(kafka: KafkaPort, topic: string): Promise<T[]> {
  const records = await readRecords(kafka, topic)
  return records.flatMap(({ value }) => (value === null ? [] : [JSON.parse(value) as T]))
}

async function readCompacted<T>(kafka: KafkaPort, topic: string): Promise<T[]> {
  const last = new Map((await readRecords(kafka, topic)).map(({ key, value }) => [key, value]))
  return [...last.values()].flatMap((value) => (value === null ? [] : [JSON.parse(value) as T]))
}
