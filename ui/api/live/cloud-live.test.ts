// Cloud Live over the wire: records in a broker, mirrored by the bridge into a Pub/Sub that loses answers, so that
// messages come twice and out of their order; the frame of the cloud's fold must be that of the local one.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startBridge } from '#bridge/start.ts'
import { startBroker } from '#stack/kafka/start.ts'
import { startPubSub } from '#stack/pubsub/start.ts'
import { DomainClock, systemClock } from '../../../stack/base/clock.ts'
import { silentLogger } from '../../../stack/base/logger.ts'
import { Metrics } from '../../../stack/base/metrics.ts'
import { Random } from '../../../stack/base/random.ts'
import { hourMs, minuteMs, secondMs } from '../../../stack/base/units.ts'
import { defaultSettings } from '../../../stack/contract/settings.ts'
import { topics, topicSpecs } from '../../../stack/contract/topics.ts'
import { connectPubSub } from '../../../stack/google/pubsub.ts'
import { connectKafka } from '../../../stack/kafka-client/connect.ts'
import type { KafkaProducer } from '../../../stack/kafka-client/producer.ts'
import type { OutgoingRecord } from '../../../stack/kafka-client/records.ts'
import { brokerForTest, ownBroker } from '../../../stack/kafka-client/test-broker.ts'
import { startUi } from '../../start.ts'
import { BridgeSource } from '../bridge/status.ts'
import { Cloud } from '../cloud.ts'
import { Parts } from '../parts.ts'
import { CloudLive, lagOf, troubleOf } from './cloud-live.ts'
import type { LiveFrame } from './frame.ts'
import { cartRecord, enriched, sessionRecord } from './shop.fixture.ts'

const partitions = 2
const projectId = 'shop'
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs

/** Broker, Pub/Sub, and lane A between them. */
async function mirrored() {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-cloud-live-'))
  const closing: (() => Promise<unknown> | void)[] = [() => rmSync(dataDir, { recursive: true })]
  onTestFinished(async () => {
    for (const close of closing.reverse()) await close()
  })
  const broker = await brokerForTest(() =>
    startBroker({ dataDir, initialRebalanceDelayMs: 0, ...ownBroker }),
  )
  closing.push(() => broker.close())
  const brokers = broker.address.split(',')
  const kafka = connectKafka({ brokers, clientId: 'cloud-live-test' })
  const admin = await kafka.admin()
  await admin.ensureTopics(topicSpecs(partitions))
  await admin.close()
  const producer = await kafka.producer()
  closing.push(() => producer.close())
  const pubsub = await startPubSub()
  closing.push(() => pubsub.close())
  const target = { mode: 'emulator', projectId, pubsub: pubsub.address } as const
  const clients = await connectPubSub(target)
  closing.push(() => clients.close())
  const bridge = await startBridge({
    name: 'test',
    brokers,
    partitions,
    history: 'http://127.0.0.1:1',
    target,
    dataset: 'slipway',
    location: 'US',
    dataDir,
    host: '127.0.0.1',
    controlPort: 0,
    testControl: false,
    lanes: ['topics'],
    topics: { ordering: 'key', onError: 'stop', backHours: 24 },
    logger: silentLogger,
    onFatal: (error) => {
      throw error
    },
  })
  closing.push(() => bridge.close())
  const subscriptions = async () => {
    const [found] = await clients.subscriber.listSubscriptions({ project: `projects/${projectId}` })
    return found.map(({ name }) => name)
  }
  const cloud = { target, dataset: 'slipway' }
  return { brokers, producer, pubsub, clients, bridge, cloud, closing, subscriptions }
}

const value = (of: unknown) => JSON.stringify(of)
const timesAgo = (ms: number) => ({ timestampMs: nowMs - ms })

/** By the collector: it has no input. */
const refused = JSON.stringify({
  stage: 'collector',
  reason: 'noJson',
  receivedAt: new Date(nowMs - minuteMs).toISOString(),
})

/** Shoppers with events, sessions and carts of the last hour; some records are before the window, some no JSON. */
function traffic(count: number): { topic: string; records: OutgoingRecord[] }[] {
  const random = new Random('cloud-live')
  const events: OutgoingRecord[] = []
  const sessions: OutgoingRecord[] = []
  const carts: OutgoingRecord[] = []
  for (let i = 0; i < count; i++) {
    const partition = i % partitions
    const visitor = `v${i % 40}`
    const agoMs = random.int(64 * 60) * secondMs
    const isOrder = i % 7 === 0
    const event = enriched({
      timeMs: nowMs - agoMs,
      offset: i,
      input: { topic: topics.events.name, partition, offset: i },
      name: isOrder ? 'purchase' : 'view_item',
      anonymousId: visitor,
      session: { key: `s-${visitor}`, number: 1, elapsedMs: 0 },
      data: {
        ...(isOrder && { orderId: `o${i}` }),
        currency: 'EUR',
        items: [{ productId: `p${i % 9}`, quantity: 1, unitPriceMinor: 100 * (1 + (i % 9)) }],
      },
    })
    const record = { key: visitor, partition, value: value(event), ...timesAgo(agoMs) }
    events.push(record)
    // As a processor that was killed behind its commit writes it once more.
    if (i % 50 === 3) events.push(record)
    for (let revision = 0; revision < 3; revision++) {
      const part = { cartKey: `a:c${i}`, startedMs: nowMs - 40 * minuteMs, revision }
      const state = revision < 2 ? 'open' : i % 3 === 0 ? 'converted' : 'abandoned'
      const at = new Date(nowMs - 10 * minuteMs).toISOString()
      const ends = revision < 2 ? {} : i % 3 === 0 ? { closedAt: at } : { abandonedAt: at }
      const cart = cartRecord({ ...part, state, ...ends })
      carts.push({ key: `a:c${i}#1`, value: value(cart), ...timesAgo((40 - revision) * minuteMs) })
    }
    const session = { sessionKey: `s${i}`, anonymousId: visitor, orders: i % 2 }
    const spans = { startedMs: nowMs - 70 * minuteMs, endedMs: nowMs - 45 * minuteMs }
    const closed = sessionRecord({ ...session, ...spans })
    sessions.push({ key: `s${i}`, value: value(closed), ...timesAgo(45 * minuteMs) })
    if (i % 11 === 0) sessions.push({ key: `s${i}`, value: null, ...timesAgo(minuteMs) })
  }
  events.unshift({
    key: 'old',
    partition: 0,
    value: events[0]?.value ?? null,
    ...timesAgo(3 * hourMs),
  })
  const rejected = [
    { key: 'refused', partition: 0, value: refused, ...timesAgo(minuteMs) },
    { key: 'junk', partition: 0, value: 'no json', ...timesAgo(minuteMs) },
  ]
  return [
    { topic: topics.enriched.name, records: events },
    { topic: topics.sessions.name, records: sessions },
    { topic: topics.carts.name, records: carts },
    { topic: topics.rejected.name, records: rejected },
  ]
}

/** What a frame says, without how often it was built and in which order its events came. */
function figures(frame: LiveFrame): unknown {
  const { seconds, minutes, feed, kpi, top, counts, watermarkMs, backToMs } = frame
  const rows = { seconds: figuresOf(seconds), minutes: figuresOf(minutes) }
  const { nowMs: atMs } = frame
  return { atMs, kpi, top, counts, watermarkMs, backToMs, ...rows, fed: feed.outOf }
}

/** Rows by their time; one that is all zero may be sent or not. */
function figuresOf(columns: { at: number[] } & object): Record<string, unknown> {
  const names = Object.entries(columns).filter(([name]) => name !== 'at')
  const rows = columns.at.map((at, i) => [at, names.map(([, list]) => list[i])] as const)
  return Object.fromEntries(rows.filter(([, cells]) => cells.some((cell) => cell !== 0)))
}

test('the frame of the cloud is that of this machine, though messages come twice and out of order', async () => {
  const { brokers, producer, pubsub, clients, bridge, cloud, closing, subscriptions } =
    await mirrored()
  pubsub.faults.set([
    { method: 'Publish', code: 'UNAVAILABLE', times: 25, dropResponseAfterCommit: true },
    { method: 'Publish', code: 'INTERNAL', times: 25 },
  ])
  // It stands still, so that both frames are of one moment.
  const domainClock = new DomainClock({ ...systemClock, now: () => nowMs })
  const ui = await startUi({
    host: '127.0.0.1',
    port: 0,
    brokers,
    partitions,
    historyUrl: 'http://127.0.0.1:1',
    cloud,
    controls: { bridge: bridge.addresses['bridge'] as string },
    domainClock,
  })
  closing.push(() => ui.close())
  const snapshot = async (source: string): Promise<LiveFrame> =>
    (await fetch(`${ui.addresses.dashboard}/api/live/snapshot?src=${source}`)).json() as never
  const opened = await snapshot('cloud')
  expect(opened).toMatchObject({ source: 'cloud', counts: { events: 0 } })
  const count = 210
  for (const sent of traffic(count)) await producer.send([sent])
  await expect.poll(() => pubsub.faults.left, { timeout: 40_000 }).toBe(0)
  // Copies that nobody's revision or input would show.
  const attributes = {
    'kafka.topic': topics.rejected.name,
    'kafka.partition': '0',
    'kafka.offset': '0',
    'kafka.timestamp': String(nowMs - minuteMs),
  }
  const copy = { data: Buffer.from(refused), attributes, orderingKey: 'refused' }
  const topic = `projects/${projectId}/topics/${topics.rejected.name}`
  await clients.publisher.publish({ topic, messages: [copy, copy] }, { retry: null })
  await vi.waitFor(async () => {
    const [here, there] = [await snapshot('local'), await snapshot('cloud')]
    expect(here.counts).toMatchObject({ events: count, rejected: 1 })
    expect(here.kpi.carts.started).toBe(count)
    expect(here.kpi.sessionsClosed).toBe(Math.floor((count * 10) / 11))
    expect({ ...there.kpi, ...there.counts }).toEqual({ ...here.kpi, ...here.counts })
  }, 60_000)
  // Products are ranked anew after five seconds of the shop's time.
  domainClock.advance(10 * secondMs)
  await vi.waitFor(async () => {
    const [here, there] = [await snapshot('local'), await snapshot('cloud')]
    expect(here.nowMs).toBe(nowMs + 10 * secondMs)
    expect(figures(there)).toEqual(figures(here))
  }, 20_000)
  const frame = await snapshot('cloud')
  expect(frame).toMatchObject({ trouble: null, away: [] })
  expect(frame.kpi.carts.abandoned).toBeGreaterThan(50)
  // A second reader of the same side opens nothing more.
  const open = await subscriptions()
  expect(open).toHaveLength(4)
  closing.pop()
  await ui.close()
  expect(await subscriptions()).toEqual([])
}, 90_000)

test('a side that nobody reads any more lets go of Pub/Sub, and reads back when somebody comes again', async () => {
  const { producer, cloud: options, closing, subscriptions } = await mirrored()
  await sendOrder(producer, 1)
  const clock = systemClock
  const cloud = new Cloud(options)
  const live = new CloudLive({
    cloud,
    bridge: new BridgeSource({ clock, address: undefined }),
    parts: new Parts({ clock, controls: { broker: 'http://127.0.0.1:1' }, brokers: [] }),
    settings: defaultSettings,
    productNames: new Map(),
    clock,
    domainClock: new DomainClock(clock),
    metrics: new Metrics(),
    logger: silentLogger,
    keptOpenMs: 500,
  })
  closing.push(async () => {
    await live.close()
    await cloud.close()
  })
  const orders = () => live.side()?.hub.snapshot().kpi.orders5m
  await expect.poll(orders, { timeout: 20_000 }).toBe(1)
  expect(await subscriptions()).toHaveLength(4)
  await expect.poll(() => live.isOpen, { timeout: 10_000 }).toBe(false)
  await expect.poll(subscriptions, { timeout: 10_000 }).toEqual([])
  await sendOrder(producer, 2)
  await expect.poll(orders, { timeout: 20_000 }).toBe(2)
}, 60_000)

function sendOrder(producer: KafkaProducer, offset: number): Promise<unknown> {
  const timeMs = Date.now()
  const event = enriched({
    timeMs,
    offset,
    name: 'purchase',
    data: { orderId: `o${offset}`, currency: 'EUR', itemsTotalMinor: 1000 },
  })
  const records = [{ key: 'a1', timestampMs: timeMs, value: value(event) }]
  return producer.send([{ topic: topics.enriched.name, records }])
}

test('what the bridge has not sent is behind, and what it waits for is said', () => {
  const stream = {
    stream: `${topics.carts.name}-0`,
    position: 1,
    targetPosition: 8,
    lagRecords: 7,
    oldestUnsentMs: 4200,
    counts: { sent: 0, retries: 0, errors: 0, dedupHits: 0 },
    state: 'waiting',
    detail: 'UNAVAILABLE',
    sinceMs: 0,
  } as const
  const status = {
    state: 'waiting',
    detail: '',
    lagRecords: 99,
    oldestUnsentMs: 1e6,
    openErrors: 0,
    // The other lane, and what the fold does not read, are no matter of Live.
    lanes: [
      { lane: 'topics', streams: [stream, { ...stream, stream: `${topics.events.name}-0` }] },
      { lane: 'tables', streams: [{ ...stream, stream: 'carts_log' }] },
    ],
  } as const
  const word = { is: 'there', status: structuredClone(status), retries: [] } as never
  expect(lagOf(word)).toEqual({ records: 7, seconds: 4.2 })
  expect(troubleOf(word)).toMatchObject({
    title: 'The bridge waits at cart-episodes-0',
    says: 'UNAVAILABLE',
  })
  expect(lagOf({ is: 'off' })).toEqual({ records: 0, seconds: 0 })
  expect(troubleOf(undefined)).toBeNull()
})
