// Sending. kafkajs has two traps that this file keeps its callers out of:
//  - a send is quadratic in the messages of one partition, so sends are cut into chunks by count and bytes;
//  - with several idempotent sends in flight, a lost answer rolls the sequence back and the next send reuses it for
//    other records, which the broker then takes for a duplicate and drops. So one send is in flight at a time, and
//    after one that failed for good the producer is replaced, with a new producer id.

import type { Kafka, Message, Producer, TopicMessages } from 'kafkajs'
import { messageOf, OperatingError } from '../base/errors.ts'
import { invariant } from '../base/invariant.ts'
import { KiB } from '../base/units.ts'
import { partitionForKey } from './partitioner.ts'
import type { OutgoingRecord } from './records.ts'

export interface ProducerOptions {
  /** Drops what a retry would write twice. On by default. */
  idempotent?: boolean
}

export interface TopicRecords {
  topic: string
  records: readonly OutgoingRecord[]
}

export interface KafkaProducer {
  /** Resolves when every record is durable (acks=all). Sends are queued and keep their order. */
  send(batches: readonly TopicRecords[]): Promise<void>
  partitionCount(topic: string): Promise<number>
  close(): Promise<void>
}

/** Bounds of one request, per partition: short of the quadratic, and a batch fits into one of our fetches. */
const chunkRecordsMax = 500
const chunkBytesMax = 400 * KiB

export async function createProducer(
  kafka: Kafka,
  options: ProducerOptions = {},
): Promise<KafkaProducer> {
  const admin = kafka.admin()
  await admin.connect()
  const counts = new Map<string, Promise<number>>()
  let producer = await connected(kafka, options)
  let tail: Promise<void> = Promise.resolve()
  let closed = false

  const partitionCount = (topic: string): Promise<number> => {
    const known = counts.get(topic)
    if (known) return known
    const asked = admin
      .fetchTopicMetadata({ topics: [topic] })
      .then((metadata) => metadata.topics[0]?.partitions.length ?? 1)
    counts.set(topic, asked)
    asked.catch(() => counts.delete(topic))
    return asked
  }

  const sendNow = async (batches: readonly TopicRecords[]): Promise<void> => {
    const routed = await Promise.all(
      batches.map(async ({ topic, records }) => ({
        topic,
        partitions: byPartition(records, await partitionCount(topic)),
      })),
    )
    try {
      for (const topicMessages of chunks(routed)) {
        await producer.sendBatch({ acks: -1, topicMessages })
      }
    } catch (error) {
      await producer.disconnect().catch(() => {})
      producer = await connected(kafka, options)
      throw new OperatingError(`records could not be written: ${messageOf(error)}`, {
        where: batches.map((batch) => batch.topic).join(', '),
        retriable: true,
        hint: 'is the broker running and reachable?',
        cause: error,
      })
    }
  }

  return {
    partitionCount,
    send(batches) {
      invariant(!closed, 'send on a closed producer')
      const sent = tail.then(() => sendNow(batches))
      tail = sent.catch(() => {})
      return sent
    },
    async close() {
      closed = true
      await tail
      await Promise.all([producer.disconnect(), admin.disconnect()])
    },
  }
}

async function connected(kafka: Kafka, options: ProducerOptions): Promise<Producer> {
  const producer = kafka.producer({
    idempotent: options.idempotent ?? true,
    allowAutoTopicCreation: false,
    // The port has chosen already; kafkajs only reads it back.
    createPartitioner: () => (args) => args.message.partition as number,
    retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 40 },
  })
  await producer.connect()
  return producer
}

function byPartition(records: readonly OutgoingRecord[], count: number): Message[][] {
  const partitions: Message[][] = Array.from({ length: count }, () => [])
  let next = 0
  for (const record of records) {
    const chosen = record.partition ?? (record.key === null ? next++ % count : undefined)
    const partition = chosen ?? partitionForKey(record.key as string | Buffer, count)
    const message: Message = { key: record.key, value: record.value, partition }
    if (record.headers) message.headers = record.headers
    if (record.timestampMs !== undefined) message.timestamp = String(record.timestampMs)
    const list = partitions[partition]
    invariant(list, `partition ${partition} of ${count}`)
    list.push(message)
  }
  return partitions
}

/** Cuts what is to be sent into requests that hold a bounded share of every partition, order kept. */
function* chunks(routed: { topic: string; partitions: Message[][] }[]): Generator<TopicMessages[]> {
  const cursors = routed.map(({ partitions }) => partitions.map(() => 0))
  for (;;) {
    const request: TopicMessages[] = []
    routed.forEach(({ topic, partitions }, t) => {
      const messages: Message[] = []
      partitions.forEach((list, p) => {
        const from = (cursors[t] as number[])[p] as number
        const to = chunkEnd(list, from)
        ;(cursors[t] as number[])[p] = to
        for (let i = from; i < to; i++) messages.push(list[i] as Message)
      })
      if (messages.length > 0) request.push({ topic, messages })
    })
    if (request.length === 0) return
    yield request
  }
}

function chunkEnd(list: readonly Message[], from: number): number {
  let bytes = 0
  let to = from
  while (to < list.length && to - from < chunkRecordsMax) {
    bytes += sizeOf(list[to] as Message)
    if (to > from && bytes > chunkBytesMax) break
    to++
  }
  return to
}

/** Close enough for a bound: strings that are not ASCII take up to three times their length. */
function sizeOf(message: Message): number {
  return (message.key?.length ?? 0) + (message.value?.length ?? 0) + 300
}
