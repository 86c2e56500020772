// The leader epoch that a client names with a partition (-1: none). An older one means that the client's metadata is
// stale, a newer one that this broker's data is (KIP-320).

import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'

export function epochFault(currentLeaderEpoch: number, log: PartitionLog): number {
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === log.leaderEpoch) return errorCodes.NONE
  return currentLeaderEpoch < log.leaderEpoch
    ? errorCodes.FENCED_LEADER_EPOCH
    : errorCodes.UNKNOWN_LEADER_EPOCH
}
