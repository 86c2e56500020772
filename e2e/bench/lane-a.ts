// Lane A by itself: a broker with a backlog, the bridge, and the stand-in of Pub/Sub, each in a process of its own as
// `slipway start` runs them. How many messages with their attributes arrive in a second, in how many requests, and what a
// message costs: ordered by partition, and ordered by 10,000 keys, where a request may hold one key only.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { PartProcess } from '#stack/base/part-process.ts'
import type { Measurement } from './measurement.ts'
import { cpuSecondsOf } from './process-cost.ts'

interface Load {
  ordering: 'partition' | 'key'
  records: number
}

const loads: readonly Load[] = [
  { ordering: 'partition', records: 200_000 },
  { ordering: 'key', records: 10_000 },
]
const topic = 'ecommerce-events'
const partitions = 4
const keys = 10_000
const valueBytes = 500
const recordsAtOnce = 2000
const pollMs = 50
/** As `slipway start` gives them. */
const pubsubFlags = [
  '--max-old-space-size=96',
  '--max-semi-space-size=4',
  '--initial-old-space-size=32',
]
const bridgeFlags = [
  '--max-old-space-size=160',
  '--single-threaded-gc',
  '--max-semi-space-size=8',
  '--initial-old-space-size=64',
]

export async function benchLaneA(): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const load of loads) measurements.push(...(await measure(load)))
  return measurements
}

async function measure({ ordering, records }: Load): Promise<Measurement[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-lane-a-'))
  await using parts = new AsyncDisposableStack()
  parts.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  const start = async (main: string, args: string[], flags: string[] = []) => {
    const part = new PartProcess(main, [...args, '--control-port', '0'], flags)
    parts.defer(() => part.stop())
    return { pid: part.pid, addresses: await part.ready }
  }
  const data = (name: string) => ['--data', join(dataDir, name)]
  const broker = await start('stack/kafka/main.ts', ['--port', '0', ...data('broker')])
  const brokers = broker.addresses['kafka'] as string
  await write(brokers, records)
  const pubsub = await start(
    'stack/pubsub/main.ts',
    ['--port', '0', ...data('pubsub')],
    pubsubFlags,
  )
  const to = ['--pubsub', pubsub.addresses['pubsub'] as string, '--history', 'http://127.0.0.1:1']
  const from = ['--brokers', brokers, '--lanes', 'topics', '--topics', topic]
  const bridge = await start(
    'bridge/main.ts',
    ['run', ...from, ...to, '--ordering', ordering, ...data('bridge')],
    bridgeFlags,
  )
  const look = async () => ({
    ...(await countsOf(bridge.addresses['bridge'] as string)),
    ms: performance.now(),
    bridgeSeconds: cpuSecondsOf(bridge.pid),
    pubsubSeconds: cpuSecondsOf(pubsub.pid),
  })
  // What is sent until the first look that sees any is not counted.
  const first = await until(look, ({ messages }) => messages > 0)
  const last = await until(look, ({ messages }) => messages >= records)
  const messages = last.messages - first.messages
  const requests = last.requests - first.requests
  const seconds = (last.ms - first.ms) / 1000
  const name = `lane A by ${ordering}`
  const perMessage = (cpuSeconds: number) => (cpuSeconds * 1e6) / messages
  const note = `${(messages / requests).toFixed(1)} messages a request`
  return [
    { name, value: messages / seconds, unit: 'messages/s', note },
    { name: `${name}, requests`, value: requests / seconds, unit: 'requests/s' },
    {
      name: `${name}, CPU of bridge`,
      value: perMessage(last.bridgeSeconds - first.bridgeSeconds),
      unit: 'µs/message',
    },
    {
      name: `${name}, CPU of pubsub`,
      value: perMessage(last.pubsubSeconds - first.pubsubSeconds),
      unit: 'µs/message',
    },
  ]
}

async function write(brokers: string, count: number): Promise<void> {
  const kafka = new Kafka({ brokers: [brokers], clientId: 'bench', logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  await admin.disconnect()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const value = Buffer.alloc(valueBytes, 'x')
  const headers = { ce_specversion: '1.0', ce_type: 'page_view', ce_source: 'bench' }
  for (let at = 0; at < count; at += recordsAtOnce) {
    const messages = Array.from({ length: recordsAtOnce }, (_, i) => ({
      key: `visitor-${(at + i) % keys}`,
      value,
      headers,
    }))
    await producer.send({ topic, acks: -1, messages })
  }
  await producer.disconnect()
}

async function countsOf(address: string): Promise<{ messages: number; requests: number }> {
  const text = await (await fetch(`${address}/metrics`)).text()
  const count = (name: string) =>
    Number(new RegExp(`^slipway_bridge_topics_${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  return { messages: count('sent_messages'), requests: count('request_ms_count') }
}

async function until<T>(look: () => Promise<T>, isThere: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look()
    if (isThere(seen)) return seen
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
