// AlterPartitionReassignments, version 0. The leader holds the one replica: asking for exactly that node is done already;
// cancelling (null) finds nothing to cancel; no other node can have it.

import { errorCodes } from '../protocol/errors.ts'
import { alterPartitionReassignments } from '../protocol/messages/cluster.ts'
import { route } from './route.ts'

export default route(
  alterPartitionReassignments,
  ({ topics }, { services: { catalog, cluster } }) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index, replicas }) => {
        const topic = catalog.byName(name)
        const errorCode = topic?.partitions[index]
          ? verdict(replicas, cluster.leaderOf(topic, index).id)
          : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
        return { index, errorCode, errorMessage: null }
      }),
    })),
  }),
)

function verdict(replicas: readonly number[] | null, leaderId: number): number {
  if (replicas === null) return errorCodes.NO_REASSIGNMENT_IN_PROGRESS
  const isThere = replicas.length === 1 && replicas[0] === leaderId
  return isThere ? errorCodes.NONE : errorCodes.INVALID_REPLICA_ASSIGNMENT
}
