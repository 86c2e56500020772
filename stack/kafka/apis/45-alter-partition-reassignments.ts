// AlterPartitionReassignments, version 0. One node holds every replica: asking for exactly that node is done already;
// cancelling (null) finds nothing to cancel; any other node does not exist.

import { errorCodes } from '../protocol/errors.ts'
import { alterPartitionReassignments } from '../protocol/messages/cluster.ts'
import { route } from './route.ts'

export default route(
  alterPartitionReassignments,
  ({ topics }, { services: { catalog, node } }) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index, replicas }) => {
        const isKnown = catalog.byName(name)?.partitions[index] !== undefined
        const errorCode = isKnown
          ? verdict(replicas, node.id)
          : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
        return { index, errorCode, errorMessage: null }
      }),
    })),
  }),
)

function verdict(replicas: readonly number[] | null, nodeId: number): number {
  if (replicas === null) return errorCodes.NO_REASSIGNMENT_IN_PROGRESS
  const isThisNode = replicas.length === 1 && replicas[0] === nodeId
  return isThisNode ? errorCodes.NONE : errorCodes.INVALID_REPLICA_ASSIGNMENT
}
