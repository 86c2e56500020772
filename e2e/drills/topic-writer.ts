// Writes straight to a topic with kafkajs, as somebody else's producer would, and knows what was acknowledged.

import type { Message } from 'kafkajs'
import { Kafka, logLevel } from 'kafkajs'

const batchSize = 250

/** What is written; the partition is chosen by the key unless given. */
export interface Writable {
  key: string | null
  value: string | null
  partition?: number
  headers?: Record<string, string>
  timestampMs?: number
}

export interface TopicWriter extends AsyncDisposable {
  /** Resolves when all are acknowledged; `between` runs after each batch with the share that is done. */
  write(
    records: readonly Writable[],
    between?: (done: number) => Promise<void> | void,
  ): Promise<void>
}

export async function topicWriter(
  broker: string,
  topic = 'ecommerce-events',
): Promise<TopicWriter> {
  const kafka = new Kafka({
    brokers: broker.split(','),
    clientId: 'drill',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
  })
  const producer = kafka.producer({ idempotent: true, allowAutoTopicCreation: false })
  await producer.connect()
  return {
    async write(records, between) {
      for (let at = 0; at < records.length; at += batchSize) {
        const messages = records.slice(at, at + batchSize).map(messageOf)
        await producer.send({ topic, acks: -1, messages })
        await between?.(Math.min(1, (at + batchSize) / records.length))
      }
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  }
}

function messageOf({ key, value, partition, headers, timestampMs }: Writable): Message {
  return {
    key,
    value,
    ...(partition === undefined ? {} : { partition }),
    ...(headers === undefined ? {} : { headers }),
    ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }),
  }
}
