// Records of the error lane, sent once more: read again where they lie in Kafka, and taken off the lane when they arrive. A
// key's later records have long been sent, so it comes late and tells so by its position.

import { messageOf as textOf, OperatingError } from '#stack/base/errors.ts'
import { secondMs } from '#stack/base/units.ts'
import type { PubSubClients } from '#stack/google/pubsub.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { IncomingRecord, Position } from '#stack/kafka-client/records.ts'
import type { BridgeError } from '../errors.ts'
import type { Ordering } from '../options.ts'
import { messageOf } from './message.ts'

/** Undefined where it has arrived, else why it has not. */
export async function retryRecord(
  { position, target }: BridgeError,
  { kafka, clients, ordering }: { kafka: KafkaPort; clients: PubSubClients; ordering: Ordering },
): Promise<string | undefined> {
  try {
    const at = positionOf(position)
    const record = await readRecord(kafka, at)
    const { message } = messageOf(at, record, ordering)
    const request = { topic: target, messages: [message] }
    await clients.publisher.publish(request, { timeout: 30 * secondMs, retry: null })
    return undefined
  } catch (error) {
    return textOf(error)
  }
}

/** `user-sessions-2@5512` */
function positionOf(text: string): Position {
  const [, topic, partition, offset] = /^(.+)-(\d+)@(\d+)$/.exec(text) ?? []
  if (topic === undefined)
    throw new OperatingError('this is no position in a topic', { where: text })
  return { topic, partition: Number(partition), offset: Number(offset) }
}

async function readRecord(kafka: KafkaPort, at: Position): Promise<IncomingRecord> {
  const found = Promise.withResolvers<IncomingRecord>()
  const consumer = await kafka.consume({
    groupId: '',
    topics: [],
    assign: [at],
    onAssigned: async () => [at],
    async onBatch({ records }) {
      const [record] = records
      if (record?.offset === at.offset) found.resolve(record)
      else {
        found.reject(
          new OperatingError('the record is gone from the topic', {
            where: `${at.topic}-${at.partition}@${at.offset}`,
          }),
        )
      }
    },
    onCrash: found.reject,
  })
  try {
    return await found.promise
  } finally {
    await consumer.close()
  }
}
