// How much went through the mirrored topics in the last day: how many records by their offsets, how large by a sample of the
// newest.

import { dayMs } from '#stack/base/units.ts'
import type { KafkaAdmin } from '#stack/kafka-client/admin.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { Position } from '#stack/kafka-client/records.ts'
import type { Ordering } from '../options.ts'
import { messageOf } from '../topics/message.ts'
import { mirroredTopics } from '../topics/mirrored-topics.ts'
import type { Volume } from './estimate.ts'

const sampledOfPartition = 100

export async function volumesOf(
  kafka: KafkaPort,
  ordering: Ordering,
  nowMs: number,
): Promise<Volume[]> {
  const admin = await kafka.admin()
  try {
    const volumes: Volume[] = []
    for (const { name } of mirroredTopics)
      volumes.push(await volumeOf(name, { kafka, admin, ordering, nowMs }))
    return volumes
  } finally {
    await admin.close()
  }
}

interface Looking {
  kafka: KafkaPort
  admin: KafkaAdmin
  ordering: Ordering
  nowMs: number
}

async function volumeOf(
  topic: string,
  { kafka, admin, ordering, nowMs }: Looking,
): Promise<Volume> {
  const ends = await admin.endOffsets(topic)
  const dayAgo = await admin.offsetsAt(topic, nowMs - dayMs)
  const messagesPerDay = ends.reduce(
    (sum, end, i) => sum + Math.max(0, end - (dayAgo[i] ?? end)),
    0,
  )
  const from = ends.map((end, partition): Position => ({
    topic,
    partition,
    offset: Math.max(dayAgo[partition] ?? 0, end - sampledOfPartition),
  }))
  const sample = { count: 0, bytes: 0, valueBytes: 0 }
  await kafka.readPartitions({
    from,
    onBatch({ partition, records }) {
      for (const record of records) {
        sample.count++
        sample.bytes += messageOf({ topic, partition }, record, ordering).bytes
        sample.valueBytes += record.value?.length ?? 0
      }
    },
  })
  const perMessage = (bytes: number) => (sample.count === 0 ? 0 : bytes / sample.count)
  return {
    topic,
    messagesPerDay,
    bytesPerDay: Math.round(messagesPerDay * perMessage(sample.bytes)),
    valueBytesPerDay: Math.round(messagesPerDay * perMessage(sample.valueBytes)),
  }
}
