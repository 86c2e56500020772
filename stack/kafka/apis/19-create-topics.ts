// CreateTopics, versions 0-7: each topic durable before the answer.
//
//  1 validate only, error messages    4 -1 for the default number of partitions and replicas (taken from every version)
//  5 flexible, the new topic's settings in the answer    7 topic id
//
// A replication factor above 1 is clamped with a line in the log, unless the broker is strict. The timeout is ignored:
// the answer comes when the topic is there.

import { errorCodes } from '../protocol/errors.ts'
import { createTopics } from '../protocol/messages/topics.ts'
import type { Infer } from '../protocol/types.ts'
import { zeroUuid } from '../protocol/types.ts'
import type { Created, TopicCatalog } from '../topics/catalog.ts'
import { describeTopicConfigs } from '../topics/topic-configs.ts'
import { route } from './route.ts'

type Answered = Infer<typeof createTopics.response>['topics'][number]

export default route(createTopics, async (request, { services: { catalog, cluster } }) => {
  const names = request.topics.map(({ name }) => name)
  const isTwice = (name: string) => names.indexOf(name) !== names.lastIndexOf(name)
  const topics = await Promise.all(
    request.topics.map(async (topic) => {
      const created: Created = isTwice(topic.name)
        ? { errorCode: errorCodes.INVALID_REQUEST, errorMessage: 'Duplicate topic name.' }
        : cluster.nodes.length > 1 && topic.assignments.length > 0
          ? notPlaced
          : await catalog.create(topic, request.validateOnly)
      return answered(topic.name, created, catalog)
    }),
  )
  return { throttleTimeMs: 0, topics }
})

const notPlaced: Created = {
  errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT,
  errorMessage: 'Virtual nodes lead what the id of the topic says.',
}

function answered(
  name: string,
  { errorCode, errorMessage, topic }: Created,
  catalog: TopicCatalog,
): Answered {
  return {
    name,
    topicId: topic?.id ?? zeroUuid,
    errorCode,
    errorMessage,
    partitionCount: topic?.partitionCount ?? -1,
    replicationFactor: topic ? 1 : -1,
    configs: topic ? describeTopicConfigs(topic.configs, catalog.brokerConfigs) : null,
  }
}
