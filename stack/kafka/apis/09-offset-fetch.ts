// OffsetFetch, versions 1-9: what a group committed; -1 where nothing was.
//
//  2 null topics: all    5 leader epoch    6 flexible    7 require stable    8 many groups    9 member of KIP-848
//
// `requireStable` changes nothing yet: only a transaction leaves offsets unstable. The member of version 9 is not
// checked, as for classic groups in Kafka.

import type { GroupCoordinator } from '../group/coordinator.ts'
import { errorCodes } from '../protocol/errors.ts'
import { offsetFetch } from '../protocol/messages/group.ts'
import type { Infer } from '../protocol/types.ts'
import { route } from './route.ts'

type Response = Infer<typeof offsetFetch.response>
type Asked = { name: string; partitions: number[] }[] | null

export default route(offsetFetch, (request, { version, services: { groups } }) => {
  const topics = version >= 8 ? [] : fetchTopics(groups, request.groupId, request.topics)
  return {
    throttleTimeMs: 0,
    topics,
    errorCode: errorCodes.NONE,
    groups: request.groups.map((group) => ({
      groupId: group.groupId,
      topics: fetchTopics(groups, group.groupId, group.topics),
      errorCode: errorCodes.NONE,
    })),
  }
})

function fetchTopics(groups: GroupCoordinator, groupId: string, asked: Asked): Response['topics'] {
  const wanted =
    asked ??
    groups
      .committedPartitions(groupId)
      .map(({ topic, partitions }) => ({ name: topic, partitions }))
  return wanted.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => {
      const committed = groups.committed(groupId, name, index)
      return {
        index,
        offset: committed?.offset ?? -1,
        leaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode: errorCodes.NONE,
      }
    }),
  }))
}
