// Reads a topic from its first record to its present end with kafkajs, as somebody else's consumer would.

import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'

export interface TopicRecord {
  partition: number
  offset: number
  timestampMs: number
  key: string | null
  value: string | null
  headers: Record<string, string>
}

export async function readTopic(broker: string, topic: string): Promise<TopicRecord[]> {
  const kafka = new Kafka({
    brokers: broker.split(','),
    clientId: 'drill',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
  })
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const left = new Map(
    offsets
      .filter(({ low, high }) => Number(high) > Number(low))
      .map(({ partition, high }) => [partition, Number(high)]),
  )
  const records: TopicRecord[] = []
  if (left.size === 0) return records
  const consumer = kafka.consumer({ groupId: `drill-${randomUUID()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const done = Promise.withResolvers<void>()
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) done.reject(payload.error)
  })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const offset = Number(message.offset)
      const end = left.get(partition)
      if (end === undefined) return
      if (offset < end) records.push(recordOf(partition, offset, message))
      if (offset >= end - 1) left.delete(partition)
      if (left.size === 0) done.resolve()
    },
  })
  await done.promise
  // After many records kafkajs sometimes never says that it is gone, although its connections are closed.
  void consumer.disconnect().catch(() => {})
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

interface Message {
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  headers?: Record<string, unknown>
}

function recordOf(partition: number, offset: number, message: Message): TopicRecord {
  return {
    partition,
    offset,
    timestampMs: Number(message.timestamp),
    key: message.key?.toString() ?? null,
    value: message.value?.toString() ?? null,
    headers: Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
    ),
  }
}
