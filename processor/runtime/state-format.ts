// Whether this version can read the state that lies in the changelogs. Asked once, before anything is read or written, so
// that a folder of another version ends the start with a sentence, and not the processor again and again.

import type { KafkaAdmin } from '#stack/kafka-client/admin.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import { Restored } from '../state/changelog.ts'
import { stageDefinitions } from '../topology.ts'

/** Each flush ends with a position record, and few records can be behind it. */
const tailRecords = 16

/** Throws InTheWayError. */
export async function checkStateFormat(kafka: KafkaPort, admin: KafkaAdmin): Promise<void> {
  const topic = stageDefinitions.visitors.changelog.name
  const ends = await admin.endOffsets(topic)
  const from = ends.map((end, partition) => {
    return { topic, partition, offset: Math.max(0, end - tailRecords) }
  })
  const tails = from.map(() => new Restored())
  await kafka.readPartitions({
    from,
    onBatch({ partition, records }) {
      for (const { key, value } of records) tails[partition]?.add(key, value)
    },
  })
  for (const tail of tails) tail.position()
}
