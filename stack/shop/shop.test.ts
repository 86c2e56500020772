// The shop through its door, on a broker over TCP: what was acknowledged is in the topic, also when the
// broker goes away and comes back.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DomainClock, systemClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { isoTime } from '#stack/base/units.ts'
import { eventKey } from '#stack/contract/event-record.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { loadEndHeader, topics } from '#stack/contract/topics.ts'
import { startBroker } from '#stack/kafka/start.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import { partitionForKey } from '#stack/kafka-client/partitioner.ts'
import type { RecordBatch } from '#stack/kafka-client/records.ts'
import { brokerForTest, outsideBrokers, ownBroker } from '#stack/kafka-client/test-broker.ts'
import { importFiles } from './import/import-files.ts'
import { startShop } from './start.ts'

const nowMs = Date.parse('2024-05-06T10:00:00.000Z')

async function start() {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-shop-'))
  let broker = await brokerForTest(() =>
    startBroker({ dataDir: join(dir, 'broker'), ...ownBroker }),
  )
  const { port } = broker
  const domainClock = new DomainClock()
  const shop = await startShop({
    brokers: broker.address.split(','),
    partitions: 4,
    host: '127.0.0.1',
    port: 0,
    testControl: false,
    logger: silentLogger,
    domainClock,
  })
  const kafka = connectKafka({ brokers: broker.address.split(','), clientId: 'shop-test' })
  return {
    url: shop.addresses['shop'] as string,
    dir,
    kafka,
    post: (path: string, body: unknown) =>
      fetch(`${shop.addresses['shop']}${path}`, { method: 'POST', body: JSON.stringify(body) }),
    stopBroker: () => broker.close(),
    async startBrokerAgain() {
      broker = await startBroker({ dataDir: join(dir, 'broker'), port, ...ownBroker })
    },
    async [Symbol.asyncDispose]() {
      await shop.close()
      await broker.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function readTopic(kafka: KafkaPort, topic: string): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = []
  const from = [0, 1, 2, 3].map((partition) => ({ topic, partition, offset: 0 }))
  await kafka.readPartitions({ from, onBatch: (batch) => void batches.push(batch) })
  return batches
}

async function readEvents(kafka: KafkaPort): Promise<ShopEvent[]> {
  const batches = await readTopic(kafka, topics.events.name)
  return batches.flatMap(({ records, partition }) =>
    records.map(({ value }) => {
      const event = JSON.parse(String(value)) as ShopEvent
      expect(partition).toBe(partitionForKey(eventKey(event), 4))
      return event
    }),
  )
}

const view = (eventId: string, anonymousId: string) => ({
  eventId,
  name: 'page_view',
  eventTime: isoTime(nowMs),
  anonymousId,
  data: {},
})

describe('the shop on the broker', () => {
  test('what is answered 200 is in the topic, at its key; what is refused is in the other', async () => {
    await using shop = await start()
    const batch = Array.from({ length: 300 }, (_, i) => view(`e${i}`, `visitor-${i % 40}`))
    const answers = await Promise.all(
      [0, 100, 200].map((from) => shop.post('/v1/events', [...batch.slice(from, from + 100), {}])),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const ids = (await readEvents(shop.kafka)).map(({ eventId }) => eventId)
    expect(ids.sort()).toEqual(batch.map(({ eventId }) => eventId).sort())
    const rejected = (await readTopic(shop.kafka, topics.rejected.name)).flatMap(
      ({ records }) => records,
    )
    expect(rejected.map(({ value }) => JSON.parse(String(value)).reason)).toEqual(
      Array.from({ length: 3 }, () => 'missing_name'),
    )
  })

  test.skipIf(outsideBrokers)(
    'nothing acknowledged is lost when the broker goes away and comes back',
    async () => {
      await using shop = await start()
      const acknowledged: string[] = []
      const stop = new AbortController()
      const client = async (name: number) => {
        for (let i = 0; !stop.signal.aborted; i++) {
          const id = `client-${name}-${i}`
          const answer = await shop
            .post('/v1/events', view(id, `visitor-${name}`))
            .catch(() => null)
          if (answer?.status === 200) acknowledged.push(id)
        }
      }
      const clients = Promise.all([1, 2, 3, 4].map(client))
      await expect.poll(() => acknowledged.length).toBeGreaterThan(20)
      await shop.stopBroker()
      const before = acknowledged.length
      await shop.startBrokerAgain()
      await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(before + 20)
      stop.abort()
      await clients
      const stored = new Set((await readEvents(shop.kafka)).map(({ eventId }) => eventId))
      expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
    },
  )

  test('a file is imported into the same topics', async () => {
    await using shop = await start()
    const path = join(shop.dir, 'events.ndjson')
    const event = (i: number) => ({
      ...view(`e${i}`, `visitor-${i}`),
      schemaVersion: '1.0',
      source: 'file',
      dialect: 'native',
      receivedAt: isoTime(nowMs + i),
    })
    writeFileSync(
      path,
      Array.from({ length: 3000 }, (_, i) => `${JSON.stringify(event(i))}\n`).join(''),
    )
    const result = await importFiles({
      files: [path],
      kafka: shop.kafka,
      partitions: 4,
      dir: join(shop.dir, 'import'),
      clock: systemClock,
    })
    expect(result).toMatchObject({ isDone: true, written: 3000 })
    const records = (await readTopic(shop.kafka, topics.events.name)).flatMap((batch) =>
      batch.records.map((record) => ({ record, partition: batch.partition })),
    )
    expect(records).toHaveLength(3004)
    const ends = records.filter(({ record }) => record.headers[loadEndHeader] !== undefined)
    expect(new Set(ends.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2, 3]))
    expect(ends).toHaveLength(4)
  })
})
