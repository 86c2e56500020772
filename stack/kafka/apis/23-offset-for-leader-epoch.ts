// OffsetForLeaderEpoch, versions 2-4 (3: replica id; 4: flexible): where the log of an epoch ended. A broker's epoch is
// the number of its starts; a consumer learns here that a crash cut the tail it had read (KIP-320).

import { errorCodes } from '../protocol/errors.ts'
import { offsetForLeaderEpoch } from '../protocol/messages/data.ts'
import { epochFault } from './epoch-fault.ts'
import { route } from './route.ts'

export default route(offsetForLeaderEpoch, ({ topics }, { services: { catalog, cluster } }) => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ index, currentLeaderEpoch, leaderEpoch }) => {
      const topic = catalog.byName(name)
      const log = topic?.partitions[index]
      const none = { index, leaderEpoch: -1, endOffset: -1 }
      if (!topic || !log) return { ...none, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
      if (!cluster.leads(topic, index))
        return { ...none, errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER }
      const errorCode = epochFault(currentLeaderEpoch, log)
      return errorCode === errorCodes.NONE
        ? { index, errorCode, ...log.epochEnd(leaderEpoch) }
        : { ...none, errorCode }
    }),
  })),
}))
