// DeleteRecords, versions 0-2 (2: flexible): moves the log start offset, durable before the answer. -1 is the high
// watermark; beyond it there is nothing to delete. An offset below the log start changes nothing. Topics
// that are only compacted lose nothing. The timeout is ignored.

import type { Cluster } from '../cluster.ts'
import { errorCodes } from '../protocol/errors.ts'
import { deleteRecords } from '../protocol/messages/data.ts'
import type { Topic } from '../topics/topic.ts'
import { route } from './route.ts'

const highWatermark = -1

export default route(deleteRecords, ({ topics }, { services: { catalog, cluster } }) => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ index, offset }) => ({
      index,
      ...deleteBefore({ topic: catalog.byName(name), index, cluster }, offset),
    })),
  })),
}))

interface Place {
  topic: Topic | undefined
  index: number
  cluster: Cluster
}

function deleteBefore(
  { topic, index, cluster }: Place,
  asked: number,
): { lowWatermark: number; errorCode: number } {
  const refused = (errorCode: number) => ({ lowWatermark: -1, errorCode })
  const log = topic?.partitions[index]
  if (!topic || !log) return refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  if (!cluster.leads(topic, index)) return refused(errorCodes.NOT_LEADER_OR_FOLLOWER)
  if (log.isOffline) return refused(errorCodes.KAFKA_STORAGE_ERROR)
  if (!topic.settings.deletes) return refused(errorCodes.POLICY_VIOLATION)
  const offset = asked === highWatermark ? log.highWatermark : asked
  if (offset < 0 || offset > log.highWatermark) return refused(errorCodes.OFFSET_OUT_OF_RANGE)
  log.deleteRecordsBefore(offset)
  return { lowWatermark: log.logStartOffset, errorCode: errorCodes.NONE }
}
