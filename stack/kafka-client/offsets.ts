// Where partitions begin and end, asked of their leaders.

import { errorCodes } from '../kafka/protocol/errors.ts'
import { listOffsets } from '../kafka/protocol/messages/data.ts'
import type { Cluster } from './cluster.ts'
import { refused } from './cluster.ts'
import type { Position, TopicPartition } from './records.ts'
import { partitionName } from './records.ts'

const listOffsetsVersion = 3
/** Times that stand for an end of the log. */
const latest = -1
const earliest = -2
const readCommitted = 1

export function startOffset(from: 'beginning' | 'end'): number {
  return from === 'beginning' ? earliest : latest
}

/** Per partition the first offset that a consumer may start at. */
export async function firstOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  timestampMs: number,
): Promise<Position[]> {
  const byLeader = Map.groupBy(partitions, (at) => cluster.leaderOf(at.topic, at.partition))
  const found = await Promise.all(
    [...byLeader].map(async ([leader, part]) => {
      if (leader < 0) throw refused('a partition', errorCodes.LEADER_NOT_AVAILABLE)
      const connection = await cluster.node(leader)
      const { topics } = await connection.request(listOffsets, listOffsetsVersion, {
        replicaId: -1,
        isolationLevel: readCommitted,
        topics: [...Map.groupBy(part, ({ topic }) => topic)].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition }) => ({
            index: partition,
            currentLeaderEpoch: -1,
            timestampMs,
          })),
        })),
        timeoutMs: 0,
      })
      return topics.flatMap(({ name: topic, partitions: list }) =>
        list.map(({ index: partition, errorCode, offset }) => {
          if (errorCode !== errorCodes.NONE)
            throw refused(partitionName({ topic, partition }), errorCode)
          return { topic, partition, offset }
        }),
      )
    }),
  )
  return found.flat()
}
