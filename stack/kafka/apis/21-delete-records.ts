// DeleteRecords, versions 0-2 (2: flexible): moves the log start offset, durable before the answer. -1 is the high
// watermark; beyond it there is nothing to delete. An offset below the log start changes nothing. The timeout is
// ignored.

import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { deleteRecords } from '../protocol/messages/data.ts'
import { route } from './route.ts'

const highWatermark = -1

export default route(deleteRecords, ({ topics }, { services: { catalog } }) => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ index, offset }) => ({
      index,
      ...deleteBefore(catalog.byName(name)?.partitions[index], offset),
    })),
  })),
}))

function deleteBefore(
  log: PartitionLog | undefined,
  asked: number,
): { lowWatermark: number; errorCode: number } {
  if (!log) return { lowWatermark: -1, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
  if (log.isOffline) return { lowWatermark: -1, errorCode: errorCodes.KAFKA_STORAGE_ERROR }
  const offset = asked === highWatermark ? log.highWatermark : asked
  if (offset < 0 || offset > log.highWatermark) {
    return { lowWatermark: -1, errorCode: errorCodes.OFFSET_OUT_OF_RANGE }
  }
  log.deleteRecordsBefore(offset)
  return { lowWatermark: log.logStartOffset, errorCode: errorCodes.NONE }
}
