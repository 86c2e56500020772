// CreatePartitions, versions 0-3 (2: flexible): the number of partitions only grows. An assignment must name this node
// for each new partition. The timeout is ignored: the answer comes when the partitions are there.

import { errorCodes } from '../protocol/errors.ts'
import { createPartitions } from '../protocol/messages/topics.ts'
import { route } from './route.ts'

export default route(createPartitions, async (request, { services: { catalog, node } }) => ({
  throttleTimeMs: 0,
  results: await Promise.all(
    request.topics.map(async ({ name, count, assignments }) => {
      const isHere = (assignments ?? []).every(
        ({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === node.id,
      )
      const before = catalog.byName(name)?.partitions.length ?? 0
      const isComplete = assignments === null || assignments.length === count - before
      const outcome =
        isHere && isComplete
          ? await catalog.createPartitions(name, count, request.validateOnly)
          : {
              errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT,
              errorMessage: `Each new partition must be assigned to node ${node.id}, and to no other.`,
            }
      return { name, ...outcome }
    }),
  ),
}))
