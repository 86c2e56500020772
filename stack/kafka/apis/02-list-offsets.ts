// ListOffsets, versions 1-10: the end (-1), the start (-2), the record with the largest time (-3, from version 7),
// the local start (-4, from 8), tiered storage (-5, from 9: there is none), or the first record at or after a time.
// Times are looked for inside batches, compressed ones too. For read_committed the log ends at the last stable offset. The timeout of version 10 is for remote storage: ignored.

import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { listOffsets } from '../protocol/messages/data.ts'
import { epochFault } from './epoch-fault.ts'
import { route } from './route.ts'

const readCommitted = 1
const special = { latest: -1, earliest: -2, maxTimestamp: -3, earliestLocal: -4, latestTiered: -5 }

export default route(listOffsets, (request, { services }) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ index, timestampMs, currentLeaderEpoch }) => {
      const topic = services.catalog.byName(name)
      const log = topic?.partitions[index]
      const none = { index, errorCode: 0, timestampMs: -1, offset: -1, leaderEpoch: -1 }
      if (!topic || !log) return { ...none, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
      if (!services.cluster.leads(topic, index))
        return { ...none, errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER }
      const errorCode = log.isOffline
        ? errorCodes.KAFKA_STORAGE_ERROR
        : epochFault(currentLeaderEpoch, log)
      if (errorCode !== errorCodes.NONE) return { ...none, errorCode }
      if (timestampMs < special.latestTiered)
        return { ...none, errorCode: errorCodes.UNSUPPORTED_VERSION }
      return { ...none, ...look(log, timestampMs, request.isolationLevel) }
    }),
  })),
}))

function look(
  log: PartitionLog,
  timestampMs: number,
  isolationLevel: number,
): { offset: number; timestampMs: number; leaderEpoch: number } | undefined {
  const end = isolationLevel === readCommitted ? log.lastStableOffset : log.highWatermark
  const at = (offset: number) => ({ offset, timestampMs: -1, leaderEpoch: log.leaderEpoch })
  switch (timestampMs) {
    case special.latest:
      return at(end)
    case special.earliest:
    case special.earliestLocal:
      return at(log.logStartOffset)
    case special.maxTimestamp:
      return log.maxTimestampOffset(end)
    case special.latestTiered:
      return undefined
    default:
      return log.offsetForTimestamp(timestampMs, end)
  }
}
