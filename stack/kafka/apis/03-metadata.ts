// Metadata, versions 0-13: the nodes, and the topics asked for.
//
//  0 an empty list means all topics    1 null means all, empty means none    4 whether to create what is missing
//  7 leader epoch    8 authorized operations: never told    9 flexible    10 topic ids; 12 asked for by id alone
//  13 error of the whole answer: never
//
// This is where a topic is created on first use: at once, so that no client has to ask twice.

import type { Cluster } from '../cluster.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { metadata } from '../protocol/messages/cluster.ts'
import type { Infer } from '../protocol/types.ts'
import { noOperations, zeroUuid } from '../protocol/types.ts'
import type { Topic } from '../topics/catalog.ts'
import { isInternalTopic, topicNameFault } from '../topics/topic-names.ts'
import { route } from './route.ts'
import type { Call } from './route.ts'

type Request = Infer<typeof metadata.request>
type Asked = NonNullable<Request['topics']>[number]
type Answered = Infer<typeof metadata.response>['topics'][number]

export default route(metadata, async (request, call) => {
  const { catalog, cluster, clusterId } = call.services
  const asksForAll = request.topics === null || (call.version === 0 && request.topics.length === 0)
  const topics = asksForAll
    ? catalog.list().map((topic) => known(topic, cluster))
    : await Promise.all(
        (request.topics ?? []).map((asked) => find(asked, request.allowAutoTopicCreation, call)),
      )
  return {
    throttleTimeMs: 0,
    brokers: cluster.nodes.map(({ id, host, port }) => ({ nodeId: id, host, port, rack: null })),
    clusterId,
    controllerId: cluster.controller.id,
    topics,
    clusterAuthorizedOperations: noOperations,
    errorCode: errorCodes.NONE,
  }
})

async function find(
  asked: Asked,
  mayCreate: boolean,
  { services, version }: Call,
): Promise<Answered> {
  const { catalog, cluster, settings } = services
  if (asked.name === null || asked.topicId !== zeroUuid) {
    const topic = catalog.byId(asked.topicId)
    // Before version 12 a name must be there.
    const name = version >= 12 ? null : ''
    return topic ? known(topic, cluster) : unknown(name, errorCodes.UNKNOWN_TOPIC_ID, asked.topicId)
  }
  const { name } = asked
  if (catalog.byName(name) === undefined) {
    const fault = topicNameFault(name)
    if (fault !== undefined) return unknown(name, errorCodes.INVALID_TOPIC_EXCEPTION)
    if (!mayCreate || !settings.autoCreateTopics) {
      return unknown(name, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    }
    const { errorCode } = await catalog.ensure(name)
    if (errorCode !== errorCodes.NONE) return unknown(name, errorCode)
  }
  const topic = catalog.byName(name)
  return topic ? known(topic, cluster) : unknown(name, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
}

function known(topic: Topic, cluster: Cluster): Answered {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map((log, index) =>
      partition(log, index, cluster.leaderOf(topic, index).id),
    ),
    authorizedOperations: noOperations,
  }
}

function partition(
  log: PartitionLog,
  index: number,
  nodeId: number,
): Answered['partitions'][number] {
  return {
    errorCode: errorCodes.NONE,
    index,
    leaderId: nodeId,
    leaderEpoch: log.leaderEpoch,
    replicas: [nodeId],
    inSyncReplicas: [nodeId],
    offlineReplicas: log.isOffline ? [nodeId] : [],
  }
}

function unknown(name: string | null, errorCode: number, topicId = zeroUuid): Answered {
  return {
    errorCode,
    name,
    topicId,
    isInternal: false,
    partitions: [],
    authorizedOperations: noOperations,
  }
}
