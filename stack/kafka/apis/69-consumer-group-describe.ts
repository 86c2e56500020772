// ConsumerGroupDescribe, versions 0-1 (1: the kind of a member): groups whose members are assigned by the broker
// (KIP-848). Authorized operations are not served.

import type { ConsumerGroup } from '../consumer-group/group.ts'
import type { PartitionSet } from '../consumer-group/partition-set.ts'
import { listOf, noPartitions } from '../consumer-group/partition-set.ts'
import { errorCodes } from '../protocol/errors.ts'
import { consumerGroupDescribe } from '../protocol/messages/group.ts'
import { noOperations } from '../protocol/types.ts'
import type { TopicCatalog } from '../topics/catalog.ts'
import { route } from './route.ts'

/** A member that speaks this protocol; 0 would be one of the classic protocol. */
const consumerMember = 1

export default route(consumerGroupDescribe, (request, { services }) => {
  const { groups, cluster, catalog } = services
  const describe = (groupId: string) => {
    if (!cluster.coordinates(groupId)) return unknown(errorCodes.NOT_COORDINATOR, null)
    if (groupId === '') return unknown(errorCodes.INVALID_GROUP_ID, null)
    const group = groups.describeConsumers(groupId)
    if (group) return known(group, catalog)
    const isClassic = groups.describe(groupId) !== undefined
    const why = isClassic ? 'is not a consumer group.' : 'not found.'
    return unknown(errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} ${why}`)
  }
  return {
    throttleTimeMs: 0,
    groups: request.groupIds.map((groupId) => ({
      groupId,
      authorizedOperations: noOperations,
      ...describe(groupId),
    })),
  }
})

function known(group: ConsumerGroup, catalog: TopicCatalog) {
  return {
    errorCode: errorCodes.NONE as number,
    errorMessage: null,
    groupState: group.state as string,
    groupEpoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: group.assignor as string,
    members: [...group.members.values()].map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.epoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.topicNames],
      subscribedTopicRegex: member.topicRegex ?? '',
      // What it has not yet let go of is still its own.
      assignment: named(member.assigned.union(member.revoking), catalog),
      targetAssignment: named(group.targets.get(member.id) ?? noPartitions, catalog),
      memberType: consumerMember,
    })),
  }
}

/** Of topics that are gone there is no name to tell. */
function named(partitions: PartitionSet, catalog: TopicCatalog) {
  const topicPartitions = listOf(partitions).flatMap(({ topicId, partitions: indexes }) => {
    const topic = catalog.byId(topicId)
    return topic ? [{ topicId, topicName: topic.name, partitions: indexes }] : []
  })
  return { topicPartitions }
}

function unknown(errorCode: number, errorMessage: string | null) {
  return {
    errorCode,
    errorMessage,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
  }
}
