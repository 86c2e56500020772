// DescribeTopicPartitions, version 0: topics by name, a page of partitions at a time; no names means all topics. The
// cursor names where the page begins. Nobody but the leader is eligible: those lists are empty.

import type { Cluster } from '../cluster.ts'
import type { Topic, TopicCatalog } from '../topics/catalog.ts'
import { errorCodes } from '../protocol/errors.ts'
import { describeTopicPartitions } from '../protocol/messages/cluster.ts'
import type { Infer } from '../protocol/types.ts'
import { noOperations, zeroUuid } from '../protocol/types.ts'
import { isInternalTopic } from '../topics/topic-names.ts'
import { route } from './route.ts'

type Request = Infer<typeof describeTopicPartitions.request>
type Response = Infer<typeof describeTopicPartitions.response>

const pagePartitionsMax = 2000

export default route(describeTopicPartitions, (request, { services: { catalog, cluster } }) => {
  const { cursor } = request
  const limit = Math.min(Math.max(1, request.partitionLimit), pagePartitionsMax)
  const topics: Response['topics'] = []
  let left = limit
  for (const name of wantedNames(request, catalog)) {
    const from = name === cursor?.topicName ? Math.max(0, cursor.partitionIndex) : 0
    if (left === 0) {
      return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: from } }
    }
    const topic = catalog.byName(name)
    if (!topic) {
      topics.push(unknown(name))
      continue
    }
    const to = Math.min(topic.partitions.length, from + left)
    topics.push(page(topic, { from, to }, cluster))
    left -= to - from
    if (to < topic.partitions.length) {
      return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: to } }
    }
  }
  return { throttleTimeMs: 0, topics, nextCursor: null }
})

function wantedNames({ topics, cursor }: Request, catalog: TopicCatalog): string[] {
  const names =
    topics.length === 0 ? catalog.list().map(({ name }) => name) : topics.map(({ name }) => name)
  const sorted = [...new Set(names)].sort()
  return cursor === null ? sorted : sorted.filter((name) => name >= cursor.topicName)
}

function page(
  topic: Topic,
  { from, to }: { from: number; to: number },
  cluster: Cluster,
): Response['topics'][number] {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.slice(from, to).map((log, i) => {
      const nodeId = cluster.leaderOf(topic, from + i).id
      return {
        errorCode: errorCodes.NONE,
        index: from + i,
        leaderId: nodeId,
        leaderEpoch: log.leaderEpoch,
        replicas: [nodeId],
        inSyncReplicas: [nodeId],
        eligibleLeaderReplicas: [],
        lastKnownEligibleReplicas: [],
        offlineReplicas: log.isOffline ? [nodeId] : [],
      }
    }),
    authorizedOperations: noOperations,
  }
}

function unknown(name: string): Response['topics'][number] {
  return {
    errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    name,
    topicId: zeroUuid,
    isInternal: false,
    partitions: [],
    authorizedOperations: noOperations,
  }
}
