// OffsetFetch, versions 1-9: what a group committed; -1 where nothing was.
//
//  2 null topics: all    5 leader epoch    6 flexible    7 require stable    8 many groups    9 member of KIP-848
//
// Who requires stable offsets is refused those that an open transaction is going to change (KIP-447). The member of
// version 9 is checked where the broker assigns (KIP-848), as in Kafka.

import type { BrokerServices } from '../broker.ts'
import { errorCodes } from '../protocol/errors.ts'
import { offsetFetch } from '../protocol/messages/group.ts'
import type { Infer } from '../protocol/types.ts'
import { route } from './route.ts'

type Response = Infer<typeof offsetFetch.response>
type Asked = { name: string; partitions: number[] }[] | null

export default route(offsetFetch, ({ requireStable, ...request }, { version, services }) => {
  const topicsOf = (groupId: string, topics: Asked) =>
    fetchTopics(services, { groupId, topics, requireStable })
  const errorOf = (groupId: string) =>
    services.cluster.coordinates(groupId) ? errorCodes.NONE : errorCodes.NOT_COORDINATOR
  const topics = version >= 8 ? [] : topicsOf(request.groupId, request.topics)
  return {
    throttleTimeMs: 0,
    topics,
    errorCode: errorOf(request.groupId),
    groups: request.groups.map(({ groupId, memberId, memberEpoch, topics: asked }) => {
      const errorCode =
        errorOf(groupId) || services.groups.fetchFault(groupId, memberId, memberEpoch)
      return { groupId, topics: errorCode ? [] : topicsOf(groupId, asked), errorCode }
    }),
  }
})

interface Wanted {
  groupId: string
  topics: Asked
  requireStable: boolean
}

function fetchTopics(
  { cluster, groups, transactions }: BrokerServices,
  { groupId, topics, requireStable }: Wanted,
): Response['topics'] {
  if (!cluster.coordinates(groupId)) return elsewhere(topics ?? [])
  const wanted =
    topics ??
    groups
      .committedPartitions(groupId)
      .map(({ topic, partitions }) => ({ name: topic, partitions }))
  return wanted.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => {
      const isUnstable = requireStable && transactions.hasPendingOffset(groupId, name, index)
      const committed = isUnstable ? undefined : groups.committed(groupId, name, index)
      return {
        index,
        offset: committed?.offset ?? -1,
        leaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode: isUnstable ? errorCodes.UNSTABLE_OFFSET_COMMIT : errorCodes.NONE,
      }
    }),
  }))
}

/** Version 1 has no error but those of partitions. */
function elsewhere(topics: NonNullable<Asked>): Response['topics'] {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => ({
      index,
      offset: -1,
      leaderEpoch: -1,
      metadata: '',
      errorCode: errorCodes.NOT_COORDINATOR,
    })),
  }))
}
