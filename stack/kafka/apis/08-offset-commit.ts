// OffsetCommit, versions 2-9: offsets of a group, durable before the answer.
//
//  2-4 retention time: ignored, as Kafka does from 5 on    6 leader epoch    7 group instance id    8 flexible
//  9   the generation may be a member's epoch (KIP-848); whoever has one must say it
//
// Generation -1 without a member id is a simple consumer, which keeps its own positions. A partition that does not
// exist has code 3 and does not hold back the others.

import { errorCodes } from '../protocol/errors.ts'
import type { StoredOffset } from '../group/stored-group.ts'
import { offsetCommit } from '../protocol/messages/group.ts'
import { groupRoute } from './route.ts'

export default groupRoute(
  offsetCommit,
  async (request, { version, services: { catalog, groups, clock } }) => {
    const committedMs = clock.now()
    const asked = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition) => {
        const stored: StoredOffset = {
          topic: name,
          partition: partition.index,
          offset: partition.offset,
          leaderEpoch: partition.leaderEpoch,
          metadata: partition.metadata,
          committedMs,
        }
        const isKnown = catalog.byName(name)?.partitions[partition.index] !== undefined
        return { index: partition.index, stored, isKnown }
      }),
    }))
    const offsets = asked.flatMap(({ partitions }) =>
      partitions.filter(({ isKnown }) => isKnown).map(({ stored }) => stored),
    )
    const codes = await groups.commitOffsets(request, offsets, { saysEpoch: version >= 9 })
    return {
      throttleTimeMs: 0,
      topics: asked.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ index, stored }) => ({
          index,
          errorCode: codes.get(stored) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
        })),
      })),
    }
  },
)
