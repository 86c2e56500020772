// CreatePartitions, versions 0-3 (2: flexible): the number of partitions only grows. An assignment must name the
// node that is going to lead it for each new partition. The timeout is ignored: the answer comes when they are there.

import { errorCodes } from '../protocol/errors.ts'
import { createPartitions } from '../protocol/messages/topics.ts'
import { route } from './route.ts'

export default route(createPartitions, async (request, { services: { catalog, cluster } }) => ({
  throttleTimeMs: 0,
  results: await Promise.all(
    request.topics.map(async ({ name, count, assignments }) => {
      const topic = catalog.byName(name)
      const before = topic?.partitions.length ?? 0
      const leaderOf = (index: number) => (topic ? cluster.leaderOf(topic, index) : cluster.self)
      const isLedThere = (assignments ?? []).every(
        ({ brokerIds }, i) => brokerIds.length === 1 && brokerIds[0] === leaderOf(before + i).id,
      )
      const isComplete = assignments === null || assignments.length === count - before
      const outcome =
        isLedThere && isComplete
          ? await catalog.createPartitions(name, count, request.validateOnly)
          : {
              errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT,
              errorMessage:
                'Each new partition must be assigned to the node that leads it, and to no other.',
            }
      return { name, ...outcome }
    }),
  ),
}))
