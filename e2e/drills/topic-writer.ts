// Writes straight to a topic with kafkajs, as somebody else's producer would, and knows what was acknowledged.

import { Kafka, logLevel } from 'kafkajs'
import type { DrillEvent } from './traffic.ts'

const batchSize = 250

export interface TopicWriter extends AsyncDisposable {
  /** Resolves when all are acknowledged; `between` runs after each batch with the share that is done. */
  write(
    events: readonly DrillEvent[],
    between?: (done: number) => Promise<void> | void,
  ): Promise<void>
}

export async function topicWriter(
  broker: string,
  topic = 'ecommerce-events',
): Promise<TopicWriter> {
  const kafka = new Kafka({
    brokers: [broker],
    clientId: 'drill',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
  })
  const producer = kafka.producer({ idempotent: true, allowAutoTopicCreation: false })
  await producer.connect()
  return {
    async write(events, between) {
      for (let at = 0; at < events.length; at += batchSize) {
        const messages = events.slice(at, at + batchSize).map(({ key, value }) => ({ key, value }))
        await producer.send({ topic, acks: -1, messages })
        await between?.(Math.min(1, (at + batchSize) / events.length))
      }
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  }
}
