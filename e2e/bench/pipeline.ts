// The whole pipeline with somebody else's client at both ends: kafkajs produces simulated shoppers' events at full speed,
// the processor judges, kafkajs counts what comes out enriched, and history writes beside it. Measured from the first send
// until the last event is counted at each end, with the CPU that each part took. What every event needs is made before.

import { Kafka, logLevel } from 'kafkajs'
import { createSimulation } from '#stack/shop/start.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import type { Measurement } from './measurement.ts'
import { cpuSeconds, memoryMb, partsOf, sumOf } from './process-cost.ts'

interface Message {
  key: string | Buffer | null
  value: Buffer
}

const pollMs = 100
const batchRecords = 1000
const warmUpRecords = 10_000
/** Enough for a million events of the simulated shop. */
const days = 45

export async function benchPipeline(count: number): Promise<Measurement[]> {
  const messages = await simulatedMessages(warmUpRecords + count)
  await using stack = await startStack()
  await using ends = await kafkajsEnds(stack.addresses['kafka'] as string)
  await ends.write(messages.slice(0, warmUpRecords))
  await untilCounted(stack, warmUpRecords)
  const before = cpuSeconds(stack)
  const ownBefore = process.cpuUsage()
  const startMs = performance.now()
  await ends.write(messages.slice(warmUpRecords))
  const producedMs = performance.now() - startMs
  const { totals, tookMs } = await untilCounted(stack, messages.length, startMs)
  const enrichedMs = (await ends.untilEnriched(totals.enriched)) - startMs
  const after = cpuSeconds(stack)
  const own = process.cpuUsage(ownBefore)
  const ownSeconds = (own.user + own.system) / 1e6
  const parts = partsOf(stack).map((part) => ({
    part,
    seconds: (after[part] ?? 0) - (before[part] ?? 0),
  }))
  const withoutHistory = parts.filter(({ part }) => part !== 'history')
  const cpuTotal = parts.reduce((sum, { seconds }) => sum + seconds, ownSeconds)
  const cpuToEnriched = withoutHistory.reduce((sum, { seconds }) => sum + seconds, ownSeconds)
  const memory = sumOf(memoryMb(stack))
  const rate = (name: string, tookMs: number): Measurement => ({
    name,
    value: count / (tookMs / 1000),
    unit: 'events/s',
  })
  return [
    rate('pipeline, kafkajs to kafkajs', enrichedMs),
    rate('pipeline, kafkajs to history', tookMs),
    rate('pipeline, producer alone', producedMs),
    {
      name: 'pipeline, kafkajs to kafkajs, per core used',
      value: count / cpuToEnriched,
      unit: 'events/s',
      note: 'CPU of all but history',
    },
    {
      name: 'pipeline, kafkajs to history, per core used',
      value: count / cpuTotal,
      unit: 'events/s',
      note: 'CPU of everything',
    },
    ...[...parts, { part: 'kafkajs at both ends', seconds: ownSeconds }].map(
      ({ part, seconds }) => ({
        name: `pipeline, CPU of ${part}`,
        value: (seconds * 1e6) / count,
        unit: 'µs/event',
      }),
    ),
    { name: 'pipeline, memory of all parts', value: memory, unit: 'MB (PSS)' },
  ]
}

/** The last of a simulated shop's past, as bytes, in the order of arrival. */
async function simulatedMessages(count: number): Promise<Message[]> {
  const openingMs = Date.now()
  const simulation = await createSimulation({
    seed: 1,
    profile: 'demo',
    openingMs,
    days,
    liveEventsPerSecond: 0,
  })
  const messages: Message[] = []
  for (const { event, body, key, receivedMs } of simulation.records()) {
    if (messages.length === count || receivedMs > openingMs) break
    messages.push({ key, value: Buffer.from(body ?? JSON.stringify(event)) })
  }
  return messages
}

interface KafkajsEnds extends AsyncDisposable {
  write(messages: readonly Message[]): Promise<void>
  /** When that many enriched records had been counted. */
  untilEnriched(count: number): Promise<number>
}

async function kafkajsEnds(broker: string): Promise<KafkajsEnds> {
  const kafka = new Kafka({ brokers: [broker], clientId: 'bench', logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const consumer = kafka.consumer({ groupId: 'bench', maxBytesPerPartition: 262_144 })
  await producer.connect()
  await consumer.connect()
  await consumer.subscribe({ topic: 'enriched-user-events', fromBeginning: true })
  const counted = { records: 0, atMs: 0 }
  await consumer.run({
    async eachBatch({ batch }) {
      counted.records += batch.messages.length
      counted.atMs = performance.now()
    },
  })
  return {
    async write(messages) {
      for (let at = 0; at < messages.length; at += batchRecords) {
        const batch = messages.slice(at, at + batchRecords)
        await producer.send({ topic: 'ecommerce-events', acks: -1, messages: batch })
      }
    },
    async untilEnriched(count) {
      for (;;) {
        if (counted.records >= count) return counted.atMs
        await passed(pollMs)
      }
    },
    async [Symbol.asyncDispose]() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}

interface Totals {
  enriched: number
  rejected: number
  duplicate: number
}

async function untilCounted(
  stack: Stack,
  wanted: number,
  startMs = 0,
): Promise<{ totals: Totals; tookMs: number }> {
  for (;;) {
    const { totals } = await stack.get<{ totals: Totals }>('history', '/v1/positions')
    const { enriched, rejected, duplicate } = totals
    if (enriched + rejected + duplicate >= wanted) {
      return { totals, tookMs: performance.now() - startMs }
    }
    await passed(pollMs)
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
