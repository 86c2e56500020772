// The dashboard on a real broker: the feed reads back as far as its windows reach, goes on where it was when the
// broker goes away and comes back, and settle tells when it has everything.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { Hono } from 'hono'
import { startBroker } from '#stack/kafka/start.ts'
import { connectKafka } from '../stack/kafka-client/connect.ts'
import type { KafkaProducer } from '../stack/kafka-client/producer.ts'
import { brokerForTest, outsideBrokers, ownBroker } from '../stack/kafka-client/test-broker.ts'
import { InTheWayError } from '../stack/base/errors.ts'
import { hourMs, minuteMs, secondMs } from '../stack/base/units.ts'
import { topics, topicSpecs } from '../stack/contract/topics.ts'
import type { LiveFrame } from './api/live/frame.ts'
import { cartRecord, enriched, sessionRecord } from './api/live/shop.fixture.ts'
import { startUi } from './start.ts'
import type { RunningUi } from './start.ts'
import { listenOn } from './testing.ts'

interface Surroundings extends AsyncDisposable {
  address: string
  port: number
  dataDir: string
  stopBroker(): Promise<void>
  startBroker(): Promise<void>
}

async function broker(): Promise<Surroundings> {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-ui-'))
  let running = await brokerForTest(() =>
    startBroker({ dataDir, port: 0, durability: 'none', ...ownBroker }),
  )
  const { address, port } = running
  return {
    address,
    port,
    dataDir,
    stopBroker: () => running.close(),
    async startBroker() {
      running = await startBroker({ dataDir, port, durability: 'none', ...ownBroker })
    },
    async [Symbol.asyncDispose]() {
      await running.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

const partitions = 2

async function start(address: string, part: Partial<Parameters<typeof startUi>[0]> = {}) {
  const ui = await startUi({
    host: '127.0.0.1',
    port: 0,
    brokers: address.split(','),
    partitions,
    historyUrl: 'http://127.0.0.1:1',
    controls: {},
    testControl: true,
    ...part,
  })
  return Object.assign(ui, { [Symbol.asyncDispose]: () => ui.close() })
}

const snapshot = async (ui: RunningUi): Promise<LiveFrame> =>
  (await fetch(`${ui.addresses.dashboard}/api/live/snapshot`)).json() as Promise<LiveFrame>

async function producerOn(address: string): Promise<KafkaProducer & AsyncDisposable> {
  const kafka = connectKafka({ brokers: address.split(','), clientId: 'test' })
  const admin = await kafka.admin()
  await admin.ensureTopics(topicSpecs(partitions))
  await admin.close()
  const producer = await kafka.producer()
  return Object.assign(producer, { [Symbol.asyncDispose]: () => producer.close() })
}

const purchase = (offset: number, timeMs: number) => ({
  topic: topics.enriched.name,
  records: [
    {
      key: `a${offset}`,
      timestampMs: timeMs,
      partition: offset % partitions,
      value: JSON.stringify(
        enriched({
          timeMs,
          offset,
          name: 'purchase',
          anonymousId: `a${offset}`,
          input: { topic: 'ecommerce-events', partition: offset % partitions, offset },
          data: { orderId: `o${offset}`, currency: 'EUR', itemsTotalMinor: 1000 },
        }),
      ),
    },
  ],
})

const orders = (frame: LiveFrame) => frame.kpi.money.reduce((sum, money) => sum + money.orders, 0)

test('a dashboard that starts late knows the last hour, and nothing of before', async () => {
  await using kafka = await broker()
  await using producer = await producerOn(kafka.address)
  const nowMs = Date.now()
  const startedMs = nowMs - 20 * minuteMs
  await producer.send([
    purchase(0, nowMs - 3 * hourMs),
    purchase(1, nowMs - 50 * minuteMs),
    purchase(2, nowMs - minuteMs),
    {
      topic: topics.carts.name,
      records: [{ key: 'a:a1#1', value: JSON.stringify(cartRecord({ startedMs })) }],
    },
    {
      topic: topics.sessions.name,
      records: [
        {
          key: 's1',
          timestampMs: nowMs - 40 * minuteMs,
          value: JSON.stringify(
            sessionRecord({
              startedMs: nowMs - 45 * minuteMs,
              endedMs: nowMs - 40 * minuteMs,
              orders: 1,
            }),
          ),
        },
      ],
    },
    { topic: topics.rejected.name, records: [{ key: 'end', value: null }] },
    { topic: topics.rejected.name, records: [{ key: 'junk', value: 'no json' }] },
  ])
  await using ui = await start(kafka.address)
  await vi.waitFor(async () => {
    const frame = await snapshot(ui)
    expect(orders(frame)).toBe(2)
    expect(frame.kpi.carts.open).toBe(1)
    expect(frame.kpi).toMatchObject({ sessionsClosed: 1, sessionsBought: 1 })
  }, 20_000)
  await producer.send([purchase(3, nowMs)])
  await vi.waitFor(async () => expect(orders(await snapshot(ui))).toBe(3), 10_000)
})

test('past traffic is passed over, and the present behind it is read whole', async () => {
  await using kafka = await broker()
  await using producer = await producerOn(kafka.address)
  const nowMs = Date.now()
  await using ui = await start(kafka.address)
  const past = { key: 'past', timestampMs: nowMs - 24 * hourMs, value: '{}' }
  const send = (records: number) =>
    producer.send([
      {
        topic: topics.enriched.name,
        records: Array.from({ length: records }, (_, i) => ({
          ...past,
          partition: i % partitions,
        })),
      },
    ])
  await send(6000)
  // While it is written the feed keeps out of it, so the lag grows; nothing of it is counted.
  await vi.waitFor(async () => {
    await send(100)
    expect((await snapshot(ui)).lag.records).toBeGreaterThan(1000)
  }, 20_000)
  await producer.send([purchase(0, nowMs - minuteMs), purchase(1, nowMs)])
  await vi.waitFor(async () => {
    const frame = await snapshot(ui)
    expect(orders(frame)).toBe(2)
    expect(frame.counts.events).toBe(2)
    expect(frame.lag.records).toBe(0)
  }, 20_000)
  await producer.send([purchase(2, nowMs)])
  await vi.waitFor(async () => expect(orders(await snapshot(ui))).toBe(3), 10_000)
}, 60_000)

test.skipIf(outsideBrokers)(
  'a broker that goes away and comes back costs no event and doubles none',
  async () => {
    await using kafka = await broker()
    await using ui = await start(kafka.address)
    const nowMs = Date.now()
    await using producer = await producerOn(kafka.address)
    await producer.send([purchase(0, nowMs), purchase(1, nowMs)])
    await vi.waitFor(async () => expect(orders(await snapshot(ui))).toBe(2), 20_000)
    await kafka.stopBroker()
    await vi.waitFor(async () => {
      const health = (await (await fetch(`${ui.addresses.dashboard}/api/health`)).json()) as {
        parts: { broker: { state: string } }
      }
      expect(health.parts.broker.state).toBe('away')
    }, 10_000)
    expect(orders(await snapshot(ui))).toBe(2)
    await kafka.startBroker()
    await producer.send([purchase(2, nowMs)])
    await vi.waitFor(async () => expect(orders(await snapshot(ui))).toBe(3), 25_000)
  },
  60_000,
)

test('settle waits for history and live, and names who is behind', async () => {
  await using kafka = await broker()
  await using producer = await producerOn(kafka.address)
  let committed = 0
  const ends = () => ({
    inputs: [{ partition: 0, endOffset: 1, completeTo: committed }],
    partitions: [{ topic: topics.enriched.name, partition: 0, endOffset: 1, committed }],
  })
  const history = await listenOn(new Hono().get('/v1/positions', (c) => c.json(ends())).fetch, 0)
  await using ui = await start(kafka.address, { historyUrl: `http://127.0.0.1:${history.port}` })
  await producer.send([purchase(0, Date.now())])
  const settle = (timeoutMs: number) =>
    fetch(`${ui.addresses.dashboard}/__test/settle`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ timeoutMs }),
    })
  const behind = await settle(secondMs)
  expect(behind.status).toBe(504)
  expect(await behind.text()).toMatch(/history: enriched-user-events-0 is 1 behind/)
  const waiting = settle(20 * secondMs)
  committed = 1
  const done = await waiting
  expect(done.status).toBe(200)
  expect(await done.json()).toMatchObject({ positions: { [topics.enriched.name]: [1] } })
  expect(orders(await snapshot(ui))).toBe(1)
  await history.close()
}, 40_000)

test('a port that is taken is named, and nothing is left open', async () => {
  await using kafka = await broker()
  await using ui = await start(kafka.address)
  await expect(start(kafka.address, { port: ui.port })).rejects.toThrow(InTheWayError)
})
